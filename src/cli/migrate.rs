//! `assent migrate`: bring the tables of the database up to date, or look how they stand.

use serde_json::json;

use super::{Failure, Format, print, print_json, table};
use crate::app::{bring_up_to_date, connect_to, migrate_error};
use crate::config::Config;
use crate::store::job_queue;
use crate::store::migrate::{self, Change};

/// Bring the tables of the database up to date.
///
/// `assent serve` does the same when it starts; use this where a deployment wants it as a step of its own. It is safe
/// while other replicas run or start: one does the work, the others wait. On PostgreSQL the tables of the job queue are made
/// too, in a schema `assent_jobs`, for which the database's user needs the right CREATE on the database, once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  assent migrate                   apply what is missing
  assent migrate --status          only look; exit code 1 if something is missing
  ASSENT_DATABASE_URL=postgres://assent@db/assent assent migrate --format json")]
pub(super) struct Arguments {
    /// Only show how the tables stand; exit code 1 if a change is missing.
    #[arg(long)]
    status: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn run(config: &Config, arguments: &Arguments) -> Result<(), Failure> {
    let db = connect_to(config).await?;
    let applied_now = if arguments.status { Vec::new() } else { bring_up_to_date(&db).await? };
    let changes = migrate::status(&db).await.map_err(migrate_error)?;
    let has_queue = job_queue::is_installed(&db).await.map_err(migrate_error)?;
    match arguments.format {
        Format::Json => print_json(&json!({
            "changes": changes.iter().map(|change| json!({"name": change.name, "applied": change.applied})).collect::<Vec<_>>(),
            "appliedNow": applied_now,
            "jobQueue": has_queue,
        }))?,
        Format::Table => print(&readable(&changes, &applied_now, has_queue))?,
    }
    match migrate::missing(&changes).len() {
        0 if has_queue == Some(false) => {
            Err(Failure::failed("the tables of the job queue are missing; make them with: assent migrate"))
        }
        0 => Ok(()),
        missing => Err(Failure::failed(format!("{missing} changes are missing; apply them with: assent migrate"))),
    }
}

fn readable(changes: &[Change], applied_now: &[String], has_queue: Option<bool>) -> String {
    let state = |change: &Change| match (change.applied, applied_now.contains(&change.name)) {
        (false, _) => "missing",
        (true, true) => "applied now",
        (true, false) => "applied",
    };
    let mut rows: Vec<_> = changes.iter().map(|change| vec![change.name.clone(), state(change).to_owned()]).collect();
    let queue = |there: bool| vec!["job queue".to_owned(), if there { "applied" } else { "missing" }.to_owned()];
    rows.extend(has_queue.map(queue));
    table(&["change", "state"], &rows)
}
