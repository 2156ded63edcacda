//! What changed is also read while a pass over the whole store goes on, which may take hours: an opt-out that no webhook tells
//! does not wait for the end of it.
//!
//! Only for streams in which the store tells what changed; others would be read as a whole again. They are read into the
//! same run, with the same connector, between two pages of the pass.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::page::{PageContext, PageError};
use crate::connectors::{Checkpoint, PeoplePage, Watermark};
use crate::domain::people::Stream;
use crate::store::installed::{self, InstalledStore};
use crate::store::sync_runs::{self, Run};
use crate::store::{begin, ledger};

/// What changed is not read again before so many times the time that it took have passed: the pass has to end, too.
const REST: i32 = 4;

/// When to look for changes beside a pass, and from where on.
pub(super) struct KeepingUp {
    watermarks: BTreeMap<Stream, Watermark>,
    every: TimeDelta,
    /// When lists last showed what the store did.
    done_at: DateTime<Utc>,
    took: TimeDelta,
}

impl KeepingUp {
    /// For a pass over the whole store that is taken up now. `every`: the integration's interval.
    pub(super) fn begin(store: &InstalledStore, every: TimeDelta, now: DateTime<Utc>) -> Self {
        Self {
            watermarks: store.watermarks.clone(),
            every,
            done_at: store.as_at.unwrap_or(now),
            took: TimeDelta::zero(),
        }
    }

    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        now - self.done_at >= self.every.max(self.took * REST)
    }

    /// The streams to read, each from where.
    pub(super) fn watermarks(&mut self) -> impl Iterator<Item = (Stream, &mut Watermark)> {
        let told = self.watermarks.iter_mut().filter(|(_, watermark)| !watermark.is_of_nothing());
        told.map(|(stream, watermark)| (*stream, watermark))
    }

    /// Writes down from where the next look goes on, by whichever run, and that the lists show what the store did at `began_at`.
    ///
    /// # Errors
    /// The lease is lost, or storage fails; then nothing is written.
    pub(super) async fn done(
        &mut self,
        context: &PageContext,
        run: &Run,
        began_at: DateTime<Utc>,
    ) -> Result<(), PageError> {
        let now = context.app.clock.now();
        let tx = begin(&context.app.db).await?;
        ledger::lock(&tx, run.account_id).await?;
        installed::note_changes(&tx, run, &self.watermarks, began_at).await?;
        if !sync_runs::save_progress(&tx, context.lease, run, now).await? {
            tx.rollback().await?;
            return Err(PageError::LeaseLost);
        }
        tx.commit().await?;
        (self.done_at, self.took) = (now, now - began_at);
        Ok(())
    }
}

/// One stream's changes, as far as they are read.
pub(super) struct Changes {
    pub(super) since: Watermark,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) reached: Option<Watermark>,
}

impl Changes {
    pub(super) const fn since(since: Watermark) -> Self {
        Self { since, checkpoint: None, reached: None }
    }

    pub(super) fn advance(&mut self, page: &PeoplePage) {
        self.checkpoint = Some(page.resume_from.clone());
        self.reached = page.watermark.clone().or_else(|| self.reached.take());
    }
}
