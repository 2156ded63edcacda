//! `docs/connectors.md`, written from the same tables as the API: `assent export`.

use std::fmt::Write as _;

use crate::connectors::settings::Need;
use crate::connectors::{SettingField, settings_of};
use crate::domain::Platform;
use crate::domain::capabilities::{self, Capabilities};

const HEAD: &str = "\
# Connectors

What each platform can tell, and what an installation takes. Written by `assent export` from
[`src/domain/capabilities.rs`](../src/domain/capabilities.rs) and the tables of settings: change those, not this page. The
API serves the same under `/v1/connectors`; `assent connector show <platform>` prints it, and
`assent connector check <platform> --settings file.json` tries a real store without writing anything.

Who is a customer, a subscriber or a guest is decided by the
[contact rules](../src/domain/contact_rules.rs), not by what stands here.

| platform | opt-out seen | at the latest | dates of consent | deletions | changes since | totals | webhooks |
|---|---|---|---|---|---|---|---|
";

/// The whole document.
pub(crate) fn document() -> String {
    let mut text = HEAD.to_owned();
    for platform in Platform::ALL {
        let Capabilities { title, opt_out, consent_dates, deletions, changes, totals, webhooks, .. } =
            capabilities::of(*platform);
        let told = [consent_dates, deletions, changes, totals].map(|fact| fact.told.as_str()).join(" | ");
        let seen = [opt_out.soonest, opt_out.at_latest].map(|seen| seen.as_str().replace('_', " ")).join(" | ");
        let hooks = if webhooks.is_some() { "yes" } else { "no" };
        line(&mut text, &format!("| {title} | {seen} | {told} | {hooks} |"));
    }
    for platform in Platform::ALL {
        section(&mut text, *platform);
    }
    text
}

fn section(text: &mut String, platform: Platform) {
    let Capabilities {
        title,
        subscribers,
        customers,
        guests,
        opt_out,
        consent_dates,
        deletions,
        changes,
        totals,
        webhooks,
        limits,
    } = capabilities::of(platform);
    line(text, &format!("\n## {title}\n\nOn the wire: `{platform}`.\n"));
    for (name, finding) in [("Subscribers", subscribers), ("Customers", customers), ("Guests", guests)] {
        line(text, &format!("- **{name}**: {}. By {}.", finding.who, finding.api));
    }
    line(text, &format!("- **An opt-out**: {}", opt_out.detail));
    let facts = [
        ("Dates of consent", consent_dates),
        ("Deletions", deletions),
        ("Changes since a time", changes),
        ("Totals", totals),
    ];
    for (name, fact) in facts {
        line(text, &format!("- **{name}**: {}. {}", fact.told, fact.detail));
    }
    match webhooks {
        None => line(text, "- **Webhooks**: none."),
        Some(hooks) => {
            let topics: Vec<String> = hooks.topics.iter().map(|topic| format!("`{topic}`")).collect();
            line(text, &format!("- **Webhooks**: {}; verified by {}.", topics.join(", "), hooks.verified_by));
        }
    }
    line(text, "\nWhat it can't tell or do:\n");
    for limit in *limits {
        line(text, &format!("- {limit}"));
    }
    line(text, "\n| setting | | what |\n|---|---|---|");
    for field in settings_of(platform) {
        line(text, &setting(field));
    }
}

fn setting(field: &SettingField) -> String {
    let need = match field.need {
        Need::Required => "required",
        Need::Optional => "optional",
        Need::SignIn { way, .. } => way,
    };
    let secret = if field.secret { ", secret" } else { "" };
    let example = field.example.map(|example| format!(" Example: `{example}`.")).unwrap_or_default();
    format!("| `{}` | {need}{secret} | {}{example} |", field.name, field.description)
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("text can grow");
}
