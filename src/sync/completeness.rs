//! Whether a full pass saw everybody whom the store counts, and the search for those whom it did not.
//!
//! A stream that was read to its end is held against the store's newest count of it. Where somebody is missing, it is read
//! once more from its start, the **sweep**, and only those are written whom the pass has not shown. The sweep ends as soon
//! as nobody is missing any more: mostly at once, because somebody was deleted while the pass was under way and the first
//! page counts one less.
//!
//! **Invariant:** while somebody is missing, absence from that stream takes nobody off a list.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::keeping_up::Changes;
use super::page::{PageContext, PageError, pass_over, write_page};
use crate::connectors::{Checkpoint, Pass, PeoplePage, Watermark};
use crate::domain::completeness::{Completeness, audiences_of};
use crate::domain::integration::Notice;
use crate::domain::people::{StoreRecord, Stream};
use crate::store::installed::InstalledStore;
use crate::store::progress::{Phase, StreamProgress, Sweep};
use crate::store::seen::{self, Mark};
use crate::store::sync_runs::{self, Run};

/// Code of the notice about a gap that the sweep did not close.
const GAP: &str = "COMPLETENESS_GAP";

/// Who reads a stream, and what for.
pub(super) enum Reader {
    /// The pass: everything.
    Pass,
    /// The sweep: those whom the pass did not show.
    Sweep(Search),
    /// What changed, beside a pass.
    Changes(Changes),
}

impl Reader {
    /// What it asks the store for. `watermark`: from where an incremental run would begin.
    pub(super) fn pass(&self, is_full: bool, watermark: Option<&Watermark>) -> Pass {
        match (self, watermark) {
            (Self::Changes(changes), _) => Pass::Beside(changes.since.clone()),
            (Self::Pass, Some(watermark)) if !is_full => Pass::Since(watermark.clone()),
            (Self::Pass | Self::Sweep(_), _) => Pass::Full,
        }
    }

    /// From where it goes on.
    pub(super) fn checkpoint(&self, progress: Option<&StreamProgress>) -> Option<Checkpoint> {
        match self {
            Self::Pass => progress?.checkpoint.clone(),
            Self::Sweep(_) => progress?.sweep.as_ref()?.checkpoint.clone(),
            Self::Changes(changes) => changes.checkpoint.clone(),
        }
    }

    /// Writes what it needs of a page. Returns the run as it then stands.
    pub(super) async fn take(
        &mut self,
        context: &PageContext,
        run: &Run,
        stream: Stream,
        page: PeoplePage,
        asked_at: DateTime<Utc>,
    ) -> Result<Run, PageError> {
        match self {
            Self::Pass => write_page(context, run, (stream, Phase::Pass), page, asked_at).await,
            Self::Sweep(search) => search.take(context, run, page, asked_at).await,
            Self::Changes(changes) => {
                changes.advance(&page);
                write_page(context, run, (stream, Phase::Changes), page, asked_at).await
            }
        }
    }

    /// Whether it needs no more pages now, though there may be some.
    pub(super) fn is_satisfied(&self, run: &Run, now: DateTime<Utc>) -> bool {
        match self {
            Self::Pass => false,
            Self::Changes(changes) => changes.until.is_some_and(|until| now >= until),
            Self::Sweep(search) => !search.is_on(run),
        }
    }
}

/// Looks for those whom a pass did not show.
pub(super) struct Search {
    stream: Stream,
    /// What the pass showed before this worker began to look.
    seen: Vec<Mark>,
    /// What this worker found.
    found: HashSet<Mark>,
}

/// Begins, or goes on; `None` where nothing can be compared, or was already: the store tells no exact count, or keeps
/// records from us and says so.
pub(super) async fn begin(
    context: &PageContext,
    mut run: Run,
    stream: Stream,
) -> Result<(Run, Option<Search>), PageError> {
    let is_comparable =
        |progress: &StreamProgress| progress.is_total_exact && !progress.hides_some && progress.completeness.is_none();
    if !run.progress.get(&stream).is_some_and(is_comparable) {
        return Ok((run, None));
    }
    let seen = seen::marks(&context.app.db, run.id, stream).await?;
    let search = Search { stream, seen, found: HashSet::new() };
    let progress = run.progress.entry(stream).or_default();
    if progress.sweep.is_none() && search.missing(progress) > 0 {
        progress.sweep = Some(Sweep::default());
        tracing::info!(sync.run = %run.id, sync.stream = %stream, "records are missing; the stream is read once more");
        let is_kept = sync_runs::save_progress(&context.app.db, context.lease, &run, context.app.clock.now()).await?;
        is_kept.then_some(()).ok_or(PageError::LeaseLost)?;
    }
    Ok((run, Some(search)))
}

impl Search {
    /// Whether somebody is missing still.
    pub(super) fn is_on(&self, run: &Run) -> bool {
        run.progress.get(&self.stream).is_some_and(|progress| self.missing(progress) > 0)
    }

    fn missing(&self, progress: &StreamProgress) -> u64 {
        progress.total.unwrap_or_default().saturating_sub(self.count(progress))
    }

    /// How many different records were seen. Each one without an identity may be one of those that seem to be missing.
    fn count(&self, progress: &StreamProgress) -> u64 {
        (self.seen.len() + self.found.len()) as u64 + progress.nameless
    }

    async fn take(
        &mut self,
        context: &PageContext,
        run: &Run,
        mut page: PeoplePage,
        asked_at: DateTime<Utc>,
    ) -> Result<Run, PageError> {
        page.records.retain(|record| self.is_new(record));
        if page.records.is_empty() {
            return pass_over(context, run, self.stream, page).await;
        }
        let mut run = run.clone();
        run.progress.entry(self.stream).or_default().sweep.get_or_insert_default().found += page.records.len() as u64;
        write_page(context, &run, (self.stream, Phase::Sweep), page, asked_at).await
    }

    fn is_new(&mut self, record: &StoreRecord) -> bool {
        record.store_id().is_some_and(|id| {
            let mark = Mark::of(id);
            self.seen.binary_search(&mark).is_err() && self.found.insert(mark)
        })
    }

    /// Notes what the comparison came to. It is saved with what the run writes next.
    pub(super) fn conclude(self, context: &PageContext, mut run: Run) -> Run {
        let progress = run.progress.entry(self.stream).or_default();
        let completeness = Completeness {
            audiences: audiences_of(context.platform, self.stream).to_vec(),
            store_total: progress.total.unwrap_or_default(),
            seen: self.count(progress),
            swept: progress.sweep.as_ref().map_or(0, |sweep| sweep.found),
        };
        if completeness.gap() > 0 {
            tracing::warn!(
                sync.run = %run.id,
                sync.stream = %self.stream,
                sync.gap = completeness.gap(),
                "the store counts records that it does not show"
            );
        }
        progress.completeness = Some(completeness);
        run
    }
}

/// What is to be said about gaps: of this run where it read everything, else what was said before.
pub(super) fn notices(context: &PageContext, run: &Run, store: &InstalledStore) -> Vec<Notice> {
    if !context.is_full {
        return store.notices.iter().filter(|notice| notice.code == GAP).cloned().collect();
    }
    let gaps = run.progress.iter().filter_map(|(stream, progress)| {
        let completeness = progress.completeness.as_ref().filter(|completeness| completeness.gap() > 0)?;
        Some(Notice { code: GAP.to_owned(), detail: gap_in_words(*stream, completeness) })
    });
    gaps.collect()
}

fn gap_in_words(stream: Stream, completeness: &Completeness) -> String {
    let Completeness { audiences, store_total, seen, swept: _ } = completeness;
    let audiences: Vec<&str> = audiences.iter().map(|audience| audience.as_str()).collect();
    format!(
        "the store counts {store_total} records among its {stream}, and its pages showed {seen}, read twice: {} missing \
         ({}). Who is absent there stays on the lists until a full sync sees everybody. Look for a plugin, a cache or a \
         right that keeps records from the API, then start a full sync",
        completeness.gap(),
        audiences.join(", ")
    )
}
