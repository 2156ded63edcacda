//! How far a run is in each stream: what a column of its row holds, and what the next worker goes on from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::connectors::{Checkpoint, Total, Watermark};
use crate::domain::completeness::Completeness;
use crate::domain::people::Stream;

/// How far a run is.
pub(crate) type Progress = BTreeMap<Stream, StreamProgress>;

/// How far a run is in one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a store tells of a stream has nothing to do with how far it is read"
)]
pub(crate) struct StreamProgress {
    /// From where it goes on.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// From where the next incremental run begins once this one has ended well.
    pub(crate) watermark: Option<Watermark>,
    /// Records in all, as far as the store tells.
    pub(crate) total: Option<u64>,
    /// Whether the store counts just what its pages show.
    #[serde(default)]
    pub(crate) is_total_exact: bool,
    /// Whether it was read to its end.
    pub(crate) is_done: bool,
    /// Whether a record could not even be told by its identity: then nobody knows who is gone.
    #[serde(default)]
    pub(crate) has_nameless: bool,
    /// How many such records there were.
    #[serde(default)]
    pub(crate) nameless: u64,
    /// Whether the store keeps some records from us: then nobody knows either.
    #[serde(default)]
    pub(crate) hides_some: bool,
    /// How far it was read once more, if somebody seemed to be missing.
    #[serde(default)]
    pub(crate) sweep: Option<Sweep>,
    /// Records that were read because they changed while the pass went on.
    #[serde(default)]
    pub(crate) caught_up: u64,
    /// What the pass saw beside the store's count, once that is known.
    #[serde(default)]
    pub(crate) completeness: Option<Completeness>,
}

/// How far a stream is read once more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sweep {
    /// From where it goes on.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// How many records it found that the pass had not shown.
    pub(crate) found: u64,
}

/// Which reading of a stream a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The pass itself.
    Pass,
    /// The search for those whom it did not show.
    Sweep,
    /// What changed while the pass went on.
    Changes,
}

impl StreamProgress {
    /// How far it is: the same place, and nothing was read of it since.
    pub(crate) fn place(&self) -> (Option<&Checkpoint>, Option<&Checkpoint>, bool) {
        (self.checkpoint.as_ref(), self.sweep.as_ref().and_then(|sweep| sweep.checkpoint.as_ref()), self.is_done)
    }

    /// Records in all that the run has to read; `None` where the store does not tell.
    pub(crate) fn to_read(&self) -> Option<u64> {
        Some(self.total? + self.caught_up)
    }

    /// Moves behind a page.
    pub(crate) fn advance(&mut self, phase: Phase, resume_from: Checkpoint, watermark: Option<Watermark>) {
        match phase {
            Phase::Pass => {
                self.checkpoint = Some(resume_from);
                self.watermark = watermark.or_else(|| self.watermark.take());
            }
            // Its watermark is not taken: what it passes over is as old as when the pass showed it.
            Phase::Sweep => self.sweep.get_or_insert_default().checkpoint = Some(resume_from),
            // Its place is not kept: who takes the run over looks for changes from the last watermark.
            Phase::Changes => {}
        }
    }

    /// Takes over what a page tells of the whole stream.
    pub(crate) const fn tell(&mut self, total: Option<Total>, hides_some: bool) {
        if let Some(total) = total {
            self.total = Some(total.count());
            self.is_total_exact = matches!(total, Total::Exact(_));
        }
        self.hides_some |= hides_some;
    }

    /// Whether who was not seen is not there: not where a record had no identity and could be any of them, nor where the
    /// store keeps some from us or counts more than it showed.
    pub(crate) fn proves_absence(&self) -> bool {
        let has_gap = self.completeness.as_ref().is_some_and(|completeness| completeness.gap() > 0);
        !self.has_nameless && !self.hides_some && !has_gap
    }
}
