//! Where a pass over one stream stands, and what the next one begins with.
//!
//! A full pass walks by id. An incremental pass walks by change, and for customers then **sweeps** on by id: an opt-out
//! by the link in a mail, in the subscriber grid or by the footer's form moves no customer's `updated_at`
//! (`vendors/magento.md` section 4), so that no walk by change would show it. Each incremental pass sweeps a part of
//! all accounts and keeps in the watermark where it got to; [`SWEEP_PASSES`] passes see everybody.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::walk::{Turn, Walk, Window};
use crate::connectors::{Checkpoint, ConnectorError, Pass, Total, Watermark};
use crate::domain::people::Stream;

/// In how many incremental passes every account is read again, whether it changed or not.
pub(super) const SWEEP_PASSES: u64 = 12;
/// Accounts that every incremental pass reads again at least; smaller shops are swept whole each time.
pub(super) const SWEEP_AT_LEAST: u64 = 1500;
/// How far an incremental pass reaches back before its watermark: a change is stamped before it is committed.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);

/// Content of a [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Position {
    stage: Stage,
    /// Newest change that the next pass need not look behind, by the shop's clock.
    newest: Option<DateTime<Utc>>,
    /// Highest id that was swept.
    swept_to: u64,
    /// How many accounts there are, as far as known.
    accounts: u64,
    /// Records given out by this pass.
    given: u64,
    /// How many records a full pass had in all when it began. The later pages count what is behind them, which does not
    /// tell what one of them left out.
    total: Option<u64>,
    /// Whether the shop counts records that nobody asked for.
    #[serde(default)]
    counts_others: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "stage")]
enum Stage {
    /// A full pass.
    Everything { walk: Walk },
    /// What changed.
    Changes { walk: Walk },
    /// A part of those that did not: `left` accounts, from `began` on, over the end back to it at most.
    Sweep { walk: Walk, began: u64, wrapped: bool, left: u64 },
    /// Nothing is left.
    Over,
}

/// Content of a [`Watermark`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    changed: DateTime<Utc>,
    #[serde(default)]
    swept_to: u64,
    #[serde(default)]
    accounts: u64,
}

impl Position {
    /// Where an interrupted pass goes on. A checkpoint that is not ours begins from the start, which repeats and never
    /// leaves out.
    pub(super) fn resumed(resume: Option<Checkpoint>) -> Option<Self> {
        serde_json::from_value(resume?.0).ok()
    }

    /// The beginning of an incremental pass; `None` where a full one is asked for, or the watermark is not ours.
    pub(super) fn since(pass: &Pass) -> Option<Self> {
        let Mark { changed, swept_to, accounts } = serde_json::from_value(pass.watermark()?.0.clone()).ok()?;
        let from = changed.checked_sub_signed(OVERLAP).unwrap_or(DateTime::UNIX_EPOCH);
        let stage = Stage::Changes { walk: Walk::over_changes_from(from) };
        Some(Self { stage, newest: Some(changed), swept_to, accounts, given: 0, total: None, counts_others: false })
    }

    /// The beginning of a full pass. `newest` is the newest change before it.
    pub(super) const fn everything(newest: Option<DateTime<Utc>>) -> Self {
        let stage = Stage::Everything { walk: Walk::over_everything() };
        Self { stage, newest, swept_to: 0, accounts: 0, given: 0, total: None, counts_others: false }
    }

    /// The walk that is under way, and how many records it may ask for at once; `None` once the pass is over.
    pub(super) const fn walk(&self) -> Option<(&Walk, u64)> {
        match &self.stage {
            Stage::Everything { walk } | Stage::Changes { walk } => Some((walk, u64::MAX)),
            Stage::Sweep { walk, left, .. } => Some((walk, *left)),
            Stage::Over => None,
        }
    }

    /// Whether everything is read, so that what is not shown is gone.
    pub(super) const fn is_full(&self) -> bool {
        matches!(self.stage, Stage::Everything { .. })
    }

    /// How many records the pass has in all, as far as the shop tells.
    pub(super) fn total(&self) -> Option<Total> {
        self.total.map(if self.counts_others { Total::About } else { Total::Exact })
    }

    /// Notes that the shop gave records of store views that nobody chose, and so counts them, too.
    pub(super) const fn note_others(&mut self) {
        self.counts_others = true;
    }

    /// Takes in the page that was asked for and moves on. `now` is our time: a change stamped later than that would
    /// hide those before it.
    ///
    /// # Errors
    /// See [`Walk::take`].
    pub(super) fn take(
        &mut self,
        stream: Stream,
        window: Window<'_>,
        now: DateTime<Utc>,
    ) -> Result<Turn, ConnectorError> {
        let rows = window.keys.len() as u64;
        let turn;
        let next = match &mut self.stage {
            Stage::Everything { walk } => {
                turn = walk.take(window)?;
                self.total = self.total.or(window.total);
                self.accounts = self.given + turn.fresh.len() as u64;
                turn.done.then_some(Stage::Over)
            }
            Stage::Changes { walk } => {
                turn = walk.take(window)?;
                let changes = window.keys.iter().filter_map(|keys| keys.changed).map(|changed| changed.min(now));
                self.newest = changes.chain(self.newest).max();
                turn.done.then(|| if stream == Stream::Customers { self.sweep() } else { Stage::Over })
            }
            Stage::Sweep { walk, began, wrapped, left } => {
                let from_the_start = *walk == Walk::over_everything();
                turn = walk.take(window)?;
                if from_the_start {
                    self.accounts = window.total.unwrap_or(self.accounts);
                }
                *left = left.saturating_sub(rows.max(1));
                self.swept_to = if turn.done { 0 } else { walk.last_id() };
                let is_round = *wrapped && (turn.done || walk.last_id() >= *began);
                if *left == 0 || is_round || (turn.done && *began == 0) {
                    Some(Stage::Over)
                } else {
                    turn.done.then(|| Stage::Sweep {
                        walk: Walk::over_everything(),
                        began: *began,
                        wrapped: true,
                        left: *left,
                    })
                }
            }
            Stage::Over => return Ok(Turn { fresh: Vec::new(), done: true }),
        };
        self.given += turn.fresh.len() as u64;
        if let Some(next) = next {
            self.stage = next;
        }
        Ok(turn)
    }

    fn sweep(&self) -> Stage {
        let left = self.accounts.div_ceil(SWEEP_PASSES).max(SWEEP_AT_LEAST);
        Stage::Sweep { walk: Walk::Ids { after: self.swept_to }, began: self.swept_to, wrapped: false, left }
    }

    /// Where the next incremental pass would begin. A full pass is not in the order of change: it has a watermark only
    /// at its end.
    pub(super) fn watermark(&self) -> Option<Watermark> {
        if self.is_full() {
            return None;
        }
        let mark = Mark { changed: self.newest?, swept_to: self.swept_to, accounts: self.accounts };
        serde_json::to_value(mark).ok().map(Watermark)
    }

    /// As the engine keeps it.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint(serde_json::to_value(self).expect("a position has a JSON form"))
    }
}

#[cfg(test)]
#[path = "position_tests.rs"]
mod tests;
