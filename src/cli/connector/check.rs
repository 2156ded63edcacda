//! `assent connector check`: would this store work, and what would a sync make of its people.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::cli::{Failure, Format, print, print_json, table};
use crate::config::Config;
use crate::connectors::http::HostPolicy;
use crate::connectors::{self, ConnectionReport, Connector, ConnectorError, Http, InvalidSetting, Notice, Settings};
use crate::domain::people::Stream;
use crate::domain::{Audience, Clock, Platform, SystemClock};
use crate::service::hosts;
use crate::sync::dry_run::{Look, StreamLook};

/// Try a store: test the connection and look at its first people, without writing anything anywhere.
///
/// Reads at most one page of each kind of record, and shows what a sync would make of it: who would be a subscriber, a
/// customer or a guest, what would be left out, and why. Shows counts only, no name and no address. Needs no database.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  assent connector check shopify --settings shop.json
  assent connector check woocommerce --settings - --format json < shop.json
  assent connector check magento --settings shop.json --limit 20 --allow-private-hosts

A file of settings holds one JSON object, the same as `settings` of POST /v1/integrations:
  {\"shopDomain\": \"acme.myshopify.com\", \"accessToken\": \"shpat_…\"}
Which settings there are: assent connector show <platform>

Exit codes:
  0  it would work
  1  it would not; stderr says why and what to do
  2  the command line, the file or a setting can't be used; stderr names the setting")]
pub(super) struct Arguments {
    /// bigcommerce, magento, sfcc, shopify, shopware or woocommerce.
    platform: Platform,
    /// JSON file with the settings; `-` reads them from stdin, so that secrets need no file.
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// Most records of each kind to look at.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Allow a store at a private address, as `ASSENT_ALLOW_PRIVATE_HOSTS=true` does.
    #[arg(long)]
    allow_private_hosts: bool,
}

/// What was found out about a store.
struct Found {
    report: ConnectionReport,
    streams: Vec<(Stream, StreamLook)>,
    audiences: BTreeMap<Audience, u64>,
    addresses: usize,
    notices: Vec<Notice>,
    has_webhooks: bool,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> Result<(), Failure> {
    let Arguments { platform, settings, limit, format, allow_private_hosts } = arguments;
    let private = allow_private_hosts || config.allow_private_hosts;
    let policy = if private { HostPolicy::AllowPrivate } else { HostPolicy::PublicOnly };
    let timeout = Duration::from_secs(config.store_timeout_seconds);
    let http = Http::new(policy, Some(timeout)).map_err(|error| Failure::failed(error.to_string()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let fields = connectors::settings_of(platform);
    let settings = Settings::parse(fields, read(&settings)?).map_err(|problem| unusable(&problem))?;
    let connector =
        connectors::open(platform, &settings, &http, Arc::clone(&clock)).map_err(|problem| unusable(&problem))?;
    hosts::check(policy, fields, &settings).await.map_err(|problem| unusable(&problem))?;
    let found = look(platform, connector.as_ref(), limit.into(), clock.as_ref()).await?;
    tell(platform, &found, format)?;
    let problems: Vec<&str> = found.report.checks.iter().filter_map(|check| check.problem.as_deref()).collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::failed(problems.join("; "))) }
}

fn unusable(problem: &InvalidSetting) -> Failure {
    Failure::usage(format!("{problem}; what it is: assent connector show <platform>"))
}

/// The settings in a file, or on stdin for `-`.
fn read(path: &PathBuf) -> Result<Map<String, Value>, Failure> {
    let shown = path.display();
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|found| text = found)
    };
    read.map_err(|error| Failure::usage(format!("the settings in {shown} can't be read: {error}")))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err(Failure::usage(format!("{shown} must hold one JSON object of settings"))),
        // The error of the parser says where, never what stands there.
        Err(error) => {
            Err(Failure::usage(format!("{shown} is not JSON (line {}, column {})", error.line(), error.column())))
        }
    }
}

async fn look(
    platform: Platform,
    connector: &dyn Connector,
    limit: usize,
    clock: &dyn Clock,
) -> Result<Found, Failure> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(150));
    let failed = |what: &str, error: &ConnectorError| Failure::failed(format!("{what}: {error}"));
    bar.set_message("testing the connection");
    let report = connectors::test(connector).await.map_err(|error| failed("the connection test", &error))?;
    let mut people = Look::new(platform);
    let mut streams = Vec::new();
    // What may not be read has been said by the test; reading it would only say so again.
    for stream in connector.streams().iter().filter(|_| report.is_ok()) {
        bar.set_message(format!("reading {stream}"));
        let looked = people.at(connector, *stream, limit, clock).await;
        streams.push((*stream, looked.map_err(|error| failed(&format!("reading {stream}"), &error))?));
    }
    bar.finish_and_clear();
    Ok(Found {
        report,
        streams,
        audiences: people.audiences(),
        addresses: people.addresses(),
        notices: connector.notices(),
        has_webhooks: connector.hooks().is_some(),
    })
}

fn tell(platform: Platform, found: &Found, format: Format) -> Result<(), Failure> {
    let Found { report, streams, audiences, addresses, notices, has_webhooks } = found;
    if format == Format::Json {
        let streams: Vec<Value> = streams.iter().map(|(stream, look)| stream_json(*stream, look)).collect();
        return print_json(&json!({
            "platform": platform,
            "ok": report.is_ok(),
            "connection": crate::api::integration::ConnectionReportView::from(report.clone()),
            "streams": streams,
            "addresses": addresses,
            "audiences": audiences,
            "notices": notices,
            "webhooks": has_webhooks,
        }));
    }
    let name = report.store_name.as_deref().unwrap_or("the store");
    let version = report.api_version.as_deref().map(|version| format!(", API {version}")).unwrap_or_default();
    print(&format!("{name} ({platform}{version})\n"))?;
    let checks: Vec<Vec<String>> = report
        .checks
        .iter()
        .map(|check| vec![check.name.to_owned(), check.problem.clone().unwrap_or_else(|| "ok".to_owned())])
        .collect();
    print(&table(&["checked", "result"], &checks))?;
    if !streams.is_empty() {
        print("")?;
        print(&table(&["first page of", "what"], &lines(streams)))?;
        let counts: Vec<String> = audiences.iter().map(|(audience, count)| format!("{count} {audience}")).collect();
        print(&format!("\nOf these {addresses} addresses a sync would make: {}.", counts.join(", ")))?;
    }
    // A connection test may have told a notice already.
    let more = notices.iter().map(|notice| &notice.detail).filter(|detail| !report.warnings.contains(detail));
    for note in report.warnings.iter().chain(more) {
        print(&format!("Note: {note}"))?;
    }
    let seen = if *has_webhooks { "seen in seconds, by webhooks" } else { "seen by asking; there are no webhooks" };
    print(&format!("Changes in the store are {seen}. Nothing was written."))
}

fn lines(streams: &[(Stream, StreamLook)]) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for (stream, look) in streams {
        let of = look.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let mut add = |text: String| lines.push(vec![stream.to_string(), text]);
        add(format!("{}{of} records read", look.read));
        for (kind, count) in &look.people {
            add(format!("{count} of kind {kind}"));
        }
        for (reason, count) in &look.skipped {
            add(format!("{count} left out: {reason}"));
        }
        for (reason, count) in &look.quarantined {
            add(format!("{count} can't be used: {reason}"));
        }
        add(format!("{} say no to marketing", look.opt_outs));
    }
    lines
}

fn stream_json(stream: Stream, look: &StreamLook) -> Value {
    let StreamLook { read, total, people, skipped, quarantined, opt_outs } = look;
    json!({
        "stream": stream, "read": read, "total": total, "people": people, "skipped": skipped,
        "quarantined": quarantined, "optOuts": opt_outs,
    })
}
