//! The capability matrix in the terminal.

use crate::api::connector::ConnectorView;
use crate::cli::{Failure, Format, print, print_json, table};
use crate::connectors::settings::Need;
use crate::connectors::settings_of;
use crate::domain::Platform;
use crate::domain::capabilities::{self, Capabilities};

pub(super) fn list(format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => {
            let all: Vec<ConnectorView> = Platform::ALL.iter().copied().map(ConnectorView::from).collect();
            print_json(&serde_json::json!(all))
        }
        Format::Table => {
            let header =
                ["platform", "opt-out seen", "at the latest", "dates consent", "deletions", "changes", "totals"];
            print(&table(&header, &Platform::ALL.iter().copied().map(row).collect::<Vec<_>>()))?;
            print("\nMore about one: assent connector show <platform>")
        }
    }
}

fn row(platform: Platform) -> Vec<String> {
    let Capabilities { opt_out, consent_dates, deletions, changes, totals, .. } = capabilities::of(platform);
    let facts = [consent_dates, deletions, changes, totals].map(|fact| fact.told.to_string());
    let seen = [opt_out.soonest, opt_out.at_latest].map(|seen| seen.as_str().replace('_', " "));
    std::iter::once(platform.to_string()).chain(seen).chain(facts).collect()
}

pub(super) fn show(platform: Platform, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return print_json(&serde_json::json!(ConnectorView::from(platform)));
    }
    let capabilities = capabilities::of(platform);
    print(&format!("{} ({platform})\n", capabilities.title))?;
    print(&table(&["what it tells", "", "how"], &facts(capabilities)))?;
    print("\nWhat it can't tell or do:")?;
    for limit in capabilities.limits {
        print(&format!("- {limit}"))?;
    }
    print("")?;
    print(&table(&["setting", "", "what"], &settings(platform)))
}

fn facts(capabilities: &Capabilities) -> Vec<Vec<String>> {
    let Capabilities { title: _, subscribers, customers, guests, opt_out, .. } = *capabilities;
    let Capabilities { consent_dates, deletions, changes, totals, webhooks, limits: _, .. } = *capabilities;
    let found = [("subscribers", subscribers), ("customers", customers), ("guests", guests)];
    let told =
        [("dates of consent", consent_dates), ("deletions", deletions), ("changes since", changes), ("totals", totals)];
    let webhooks = webhooks.map_or_else(
        || ["no".to_owned(), "Changes are seen by asking.".to_owned()],
        |hooks| ["yes".to_owned(), format!("{}. Verified by {}.", hooks.topics.join(", "), hooks.verified_by)],
    );
    let opt_out = [format!("{} .. {}", opt_out.soonest, opt_out.at_latest), opt_out.detail.to_owned()];
    let lines = found
        .into_iter()
        .map(|(name, finding)| (name, ["yes".to_owned(), format!("{}. By {}.", finding.who, finding.api)]))
        .chain([("opt-outs", opt_out)])
        .chain(told.into_iter().map(|(name, fact)| (name, [fact.told.to_string(), fact.detail.to_owned()])))
        .chain([("webhooks", webhooks)]);
    lines.map(|(name, [told, how])| vec![name.to_owned(), told, how]).collect()
}

fn settings(platform: Platform) -> Vec<Vec<String>> {
    let fields = settings_of(platform);
    let need = |need| match need {
        Need::Required => "required".to_owned(),
        Need::Optional => "optional".to_owned(),
        Need::SignIn { way, .. } => way.to_owned(),
    };
    let secret = |is_secret| if is_secret { ", secret" } else { "" };
    let line = |field: &crate::connectors::SettingField| {
        vec![
            field.name.to_owned(),
            format!("{}{}", need(field.need), secret(field.secret)),
            field.description.to_owned(),
        ]
    };
    fields.iter().map(line).collect()
}
