//! Watching sync runs from the terminal: a bar for each on stderr, until all have ended.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Failure;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::ids::SyncRunId;
use crate::domain::run::SyncRun;
use crate::domain::sync::RunStatus;
use crate::service::runs;

/// How often the runs are looked at.
const EVERY: Duration = Duration::from_millis(150);

/// A run with the name to show beside its bar.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) run: SyncRunId,
    pub(super) name: String,
}

/// Whether a run has ended.
const fn has_ended(status: RunStatus) -> bool {
    match status {
        RunStatus::Queued | RunStatus::Running => false,
        RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => true,
    }
}

/// Shows the runs until all have ended; gives them as they then stand, in the same order.
///
/// # Errors
/// A run can't be read any more.
pub(super) async fn watch(app: &App, caller: &Caller, runs: &[Watched]) -> Result<Vec<SyncRun>, Failure> {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let width = runs.iter().map(|watched| watched.name.chars().count()).max().unwrap_or(0);
    let mut shown: BTreeMap<SyncRunId, ProgressBar> = BTreeMap::new();
    for watched in runs {
        let bar = bars.add(ProgressBar::no_length());
        bar.set_prefix(format!("{:width$}", watched.name));
        shown.insert(watched.run, bar);
    }
    loop {
        let mut ended = Vec::with_capacity(runs.len());
        for watched in runs {
            let run = runs::get(app, caller, watched.run).await?;
            if let Some(bar) = shown.get(&watched.run) {
                draw(bar, &run);
            }
            if has_ended(run.status) {
                ended.push(run);
            }
        }
        if ended.len() == runs.len() {
            return Ok(ended);
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn draw(bar: &ProgressBar, run: &SyncRun) {
    let counts = run.counts;
    bar.set_message(format!(
        "{} · {} read, {} joined, {} left, {} quarantined",
        run.status, counts.read, counts.joined, counts.left, counts.quarantined
    ));
    match run.total {
        // The store's total is a hint: more may come while it is read.
        Some(total) => bar.set_length(total.max(counts.read)),
        None => bar.unset_length(),
    }
    bar.set_style(style(run.total.is_some()));
    bar.set_position(counts.read);
    if has_ended(run.status) && !bar.is_finished() {
        bar.abandon();
    }
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total { "{prefix} [{bar:24}] {percent:>3}% {msg}" } else { "{prefix} {spinner} {msg}" };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
