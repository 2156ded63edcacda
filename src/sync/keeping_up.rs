//! What changed is also read while a pass over the whole store goes on, which may take hours: an opt-out that no webhook tells
//! does not wait for the end of it.
//!
//! Only in streams of which the store tells what changed; others would be read as a whole again. It is read into the same
//! run, with the same connector, between two pages of the pass.
//!
//! **Invariant:** the pass gets on whatever becomes of such a look: one that fails or takes long is left for later.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::page::{PageContext, PageError};
use crate::connectors::{Checkpoint, PeoplePage, Watermark};
use crate::domain::people::Stream;
use crate::store::installed::{self, InstalledStore};
use crate::store::sync_runs::{self, Run};
use crate::store::{begin, ledger};

/// After a look the pass has so many times the time that it took.
const REST: i32 = 4;
/// Longest time without a page of the pass. A look that takes longer goes on with the next one.
const MOST_AT_ONCE: TimeDelta = TimeDelta::minutes(5);

/// When to look for changes beside a pass, and from where on.
pub(super) struct KeepingUp {
    watermarks: BTreeMap<Stream, Watermark>,
    /// The streams of which the store tells what changed.
    told: Vec<Stream>,
    /// Whether these are all, so that lists are in step after a look.
    tells_all: bool,
    every: TimeDelta,
    rested_from: DateTime<Utc>,
    took: TimeDelta,
    look: Option<Look>,
}

/// One look, which may be taken in parts.
struct Look {
    began_at: DateTime<Utc>,
    read: BTreeMap<Stream, Watermark>,
    unfinished: Option<Changes>,
}

impl KeepingUp {
    /// For a pass over these streams of a store that is taken up now. `every`: the integration's interval. `None` where the store tells
    /// nothing of what changed, or was never read as a whole.
    ///
    /// The first look is due when the next run would have been; after a worker died at this place only an interval from now, so that
    /// what killed it is met again before anything else.
    pub(super) fn begin(
        store: &InstalledStore,
        streams: &[Stream],
        (every, has_died): (TimeDelta, bool),
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let is_told =
            |stream: &Stream| store.watermarks.get(stream).is_some_and(|watermark| !watermark.is_of_nothing());
        let told: Vec<Stream> = streams.iter().copied().filter(is_told).collect();
        (!told.is_empty()).then(|| Self {
            watermarks: store.watermarks.clone(),
            tells_all: told.len() == streams.len(),
            told,
            every,
            rested_from: store.as_at.filter(|_| !has_died).unwrap_or(now),
            took: TimeDelta::zero(),
            look: None,
        })
    }

    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let rest = self.took * REST;
        // One that is unfinished goes on as soon as the pass had its time.
        now - self.rested_from >= if self.look.is_some() { rest } else { rest.max(self.every) }
    }

    /// What a look that begins or goes on at `now` reads next; `None` when all was read.
    pub(super) fn next(&mut self, now: DateTime<Utc>) -> Option<(Stream, Changes)> {
        let new = || Look { began_at: now, read: BTreeMap::new(), unfinished: None };
        let look = self.look.get_or_insert_with(new);
        let stream = self.told.iter().copied().find(|stream| !look.read.contains_key(stream))?;
        let begun = look.unfinished.take().filter(|changes| changes.stream == stream);
        let since = || self.watermarks.get(&stream).cloned().unwrap_or_else(Watermark::of_nothing);
        Some((stream, begun.unwrap_or_else(|| Changes::since(stream, since()))))
    }

    /// Takes back what was read of a stream. `false`: it was not read to its end.
    pub(super) fn take_back(&mut self, changes: Changes) -> bool {
        let Some(look) = &mut self.look else { return false };
        let is_done = changes.is_done;
        if is_done {
            look.read.insert(changes.stream, changes.reached.unwrap_or(changes.since));
        } else {
            look.unfinished = Some(changes);
        }
        is_done
    }

    /// Leaves the pass its time. `is_given_up`: the next look begins anew.
    pub(super) fn rest(&mut self, began_at: DateTime<Utc>, is_given_up: bool, now: DateTime<Utc>) {
        (self.rested_from, self.took) = (now, now - began_at);
        if is_given_up {
            self.look = None;
        }
    }

    /// Writes down from where the next look goes on, by whichever run, and what the lists show now if the store tells of everything.
    ///
    /// # Errors
    /// The lease is lost, or storage fails; then nothing is written.
    pub(super) async fn finish(&mut self, context: &PageContext, run: &Run) -> Result<(), PageError> {
        let Some(look) = self.look.take() else { return Ok(()) };
        self.watermarks.extend(look.read);
        let now = context.app.clock.now();
        let tx = begin(&context.app.db).await?;
        ledger::lock(&tx, run.account_id).await?;
        installed::note_changes(&tx, run, &self.watermarks, self.tells_all.then_some(look.began_at)).await?;
        if !sync_runs::save_progress(&tx, context.lease, run, now).await? {
            tx.rollback().await?;
            return Err(PageError::LeaseLost);
        }
        Ok(tx.commit().await?)
    }
}

/// One stream's changes, as far as they are read.
pub(super) struct Changes {
    pub(super) stream: Stream,
    pub(super) since: Watermark,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) is_done: bool,
    /// When the pass goes on.
    pub(super) until: Option<DateTime<Utc>>,
    reached: Option<Watermark>,
}

impl Changes {
    const fn since(stream: Stream, since: Watermark) -> Self {
        Self { stream, since, checkpoint: None, is_done: false, until: None, reached: None }
    }

    /// The same, to be read for no longer than is left to a look that began at `began_at`.
    pub(super) fn within(self, began_at: DateTime<Utc>) -> Self {
        Self { until: Some(began_at + MOST_AT_ONCE), ..self }
    }

    pub(super) fn advance(&mut self, page: &PeoplePage) {
        self.checkpoint = Some(page.resume_from.clone());
        self.reached = page.watermark.clone().or_else(|| self.reached.take());
    }
}
