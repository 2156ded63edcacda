//! Watching sync runs from the terminal: a bar for each on stderr, or lines where nobody draws, until all have ended.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::Failure;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::ids::{AccountId, SyncRunId};
use crate::domain::progress::{Pace, SyncProgress};
use crate::domain::run::SyncRun;
use crate::domain::sync::RunStatus;
use crate::error::Error;
use crate::service::runs;

/// How often the runs are looked at.
const EVERY: Duration = Duration::from_millis(150);
/// Shortest time between two lines about a store that is still being read.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// A run with the name to show beside its bar, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) caller: Caller,
    pub(super) run: SyncRunId,
    pub(super) name: String,
}

/// How runs are shown while they go on. All on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Bars, in a terminal.
    Bars,
    /// A line whenever something changed, for logs and pipes.
    Lines,
    /// Nothing.
    Nothing,
}

impl Show {
    /// Bars in a terminal; elsewhere nothing, unless lines are asked for.
    pub(super) fn on_stderr(lines: bool) -> Self {
        match (std::io::stderr().is_terminal(), lines) {
            (true, _) => Self::Bars,
            (false, true) => Self::Lines,
            (false, false) => Self::Nothing,
        }
    }
}

/// Shows the runs, all at once, until all have ended; gives them as they then stand, in the same order.
///
/// # Errors
/// A run can't be read any more.
pub(super) async fn watch(app: &App, watched: &[Watched], show: Show) -> Result<Vec<SyncRun>, Failure> {
    let mut board = Board::new(watched, show);
    let mut paces: BTreeMap<SyncRunId, Pace> = BTreeMap::new();
    let mut ended: BTreeMap<SyncRunId, SyncRun> = BTreeMap::new();
    loop {
        for run in look(app, watched.iter().filter(|watched| !ended.contains_key(&watched.run))).await? {
            let progress = paces.entry(run.id).or_default().look(run, app.clock.now());
            board.show(&progress);
            if progress.run.status.has_ended() {
                ended.insert(progress.run.id, progress.run);
            }
        }
        if ended.len() == watched.len() {
            return Ok(watched.iter().filter_map(|watched| ended.remove(&watched.run)).collect());
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The runs as they stand: one statement for each account.
async fn look<'a>(app: &App, watched: impl Iterator<Item = &'a Watched>) -> Result<Vec<SyncRun>, Error> {
    let mut of_account: BTreeMap<AccountId, (&Caller, Vec<SyncRunId>)> = BTreeMap::new();
    for Watched { caller, run, .. } in watched {
        of_account.entry(caller.account_id).or_insert_with(|| (caller, Vec::new())).1.push(*run);
    }
    let mut found = Vec::new();
    for (caller, ids) in of_account.into_values() {
        let runs = runs::by_ids(app, caller, &ids).await?;
        if runs.len() < ids.len() {
            return Err(Error::NotFound("sync run"));
        }
        found.extend(runs);
    }
    Ok(found)
}

/// Where runs are shown.
struct Board {
    places: BTreeMap<SyncRunId, Place>,
    /// Draws the bars.
    _bars: MultiProgress,
}

/// The place of one run.
enum Place {
    Bar(ProgressBar),
    Line { name: String, last: Option<(Instant, String)> },
    Nowhere,
}

impl Board {
    fn new(watched: &[Watched], show: Show) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let width = watched.iter().map(|watched| watched.name.chars().count()).max().unwrap_or(0);
        let place = |watched: &Watched| match show {
            Show::Bars => {
                let bar = bars.add(ProgressBar::no_length());
                bar.set_prefix(format!("{:width$}", watched.name));
                Place::Bar(bar)
            }
            Show::Lines => Place::Line { name: watched.name.clone(), last: None },
            Show::Nothing => Place::Nowhere,
        };
        Self { places: watched.iter().map(|watched| (watched.run, place(watched))).collect(), _bars: bars }
    }

    fn show(&mut self, progress: &SyncProgress) {
        match self.places.get_mut(&progress.run.id) {
            Some(Place::Bar(bar)) => draw(bar, progress),
            Some(Place::Line { name, last }) => {
                let text = line(progress);
                let is_news = last.as_ref().is_none_or(|(at, before)| {
                    *before != text && (progress.run.status.has_ended() || at.elapsed() >= BETWEEN_LINES)
                });
                if is_news {
                    // A closed stderr is no reason to stop: the result is still to come.
                    drop(writeln!(std::io::stderr(), "{name}: {text}"));
                    *last = Some((Instant::now(), text));
                }
            }
            Some(Place::Nowhere) | None => {}
        }
    }
}

fn draw(bar: &ProgressBar, progress: &SyncProgress) {
    let run = &progress.run;
    // First: each of the others may draw.
    bar.set_style(style(run.total.is_some()));
    bar.set_message(line(progress));
    match run.total {
        // The store's total is a hint: more may come while it is read.
        Some(total) => bar.set_length(total.max(run.counts.read)),
        None => bar.unset_length(),
    }
    bar.set_position(run.counts.read);
    if run.status.has_ended() && !bar.is_finished() {
        bar.abandon();
    }
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total { "{prefix} [{bar:24}] {msg}" } else { "{prefix} {spinner} {msg}" };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// What can be said of a run in one line.
fn line(progress: &SyncProgress) -> String {
    let run = &progress.run;
    let counts = run.counts;
    let mut line = run.status.to_string();
    if run.status == RunStatus::Queued {
        return line;
    }
    let mut add = |part: std::fmt::Arguments<'_>| line.write_fmt(part).expect("texts can be written");
    if let Some(percent) = progress.percent {
        // Down: 100 % is for a good end.
        add(format_args!(" {} %", percent.floor()));
    }
    add(format_args!(" · {}", counts.read));
    if let Some(total) = run.total {
        add(format_args!(" of {total}"));
    }
    add(format_args!(" read, {} joined, {} left, {} quarantined", counts.joined, counts.left, counts.quarantined));
    if let Some(rate) = progress.records_per_second {
        add(format_args!(" · {}/s", rate.floor()));
    }
    if let Some(seconds) = progress.seconds_left {
        add(format_args!(", {} to go", Span(seconds)));
    }
    line
}

/// A time in seconds, in its two largest units.
struct Span(u64);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (minutes, hours, days) = (self.0 / 60, self.0 / 3600, self.0 / 86_400);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{} s", self.0),
            (0, 0, minutes) => write!(f, "{minutes} min {} s", self.0 % 60),
            (0, hours, _) => write!(f, "{hours} h {} min", minutes % 60),
            (days, ..) => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::IntegrationId;
    use crate::domain::sync::{Counts, RunCause, RunMode};
    use chrono::DateTime;
    use uuid::Uuid;

    fn progress(status: RunStatus, read: u64, total: Option<u64>) -> SyncProgress {
        let start = DateTime::from_timestamp(1_775_304_000, 0).unwrap();
        let run = SyncRun {
            id: Uuid::nil().into(),
            integration_id: IntegrationId::from(Uuid::nil()),
            mode: RunMode::Full,
            status,
            counts: Counts { read, joined: 3, ..Counts::default() },
            total,
            cancel_requested: false,
            continues: None,
            read_before: 0,
            completeness: BTreeMap::new(),
            cause: RunCause::Request,
            failure: None,
            queued_at: start,
            started_at: Some(start),
            finished_at: None,
        };
        Pace::default().look(run, start + chrono::TimeDelta::seconds(10))
    }

    #[test]
    fn a_line_tells_what_is_known_and_no_more() {
        let cases = [
            (progress(RunStatus::Queued, 0, None), "queued"),
            (progress(RunStatus::Running, 100, None), "running · 100 read, 3 joined, 0 left, 0 quarantined · 10/s"),
            (
                progress(RunStatus::Running, 100, Some(1_000)),
                "running 10 % · 100 of 1000 read, 3 joined, 0 left, 0 quarantined · 10/s, 1 min 30 s to go",
            ),
            (
                progress(RunStatus::Running, 999, Some(1_000)),
                "running 99 % · 999 of 1000 read, 3 joined, 0 left, 0 quarantined · 99/s, 1 s to go",
            ),
            (
                progress(RunStatus::Succeeded, 1_000, Some(1_000)),
                "succeeded 100 % · 1000 of 1000 read, 3 joined, 0 left, 0 quarantined · 100/s",
            ),
        ];
        for (progress, expected) in cases {
            assert_eq!(line(&progress), expected);
        }
    }

    #[test]
    fn a_span_is_told_in_its_largest_units() {
        let cases = [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3_661, "1 h 1 min"), (180_000, "2 d 2 h")];
        for (seconds, expected) in cases {
            assert_eq!(Span(seconds).to_string(), expected);
        }
    }
}
