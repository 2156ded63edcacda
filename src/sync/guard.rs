//! Stops a run before it takes more members off a list than it may unasked (`domain::shrink`, ADR 9).
//!
//! **Invariant:** a page that crosses the limit is not written, and of those whom a full pass did not show either none is
//! written or all may be.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{ConnectionTrait, DbErr};

use super::page::{PageContext, PageError, is_gone};
use super::reading::{Writing, vanish};
use crate::domain::email::Email;
use crate::domain::ids::{ListId, SourceRecordId};
use crate::domain::membership::Cause;
use crate::domain::shrink::{Limit, Verdict};
use crate::service::leaving;
use crate::service::settle::{self, Change, Settled, StoreContext};
use crate::store::sync_runs::Run;
use crate::store::{lists_by_id, memberships, source_records};

/// Records that are looked at together.
const BATCH: usize = 500;

/// A list that would lose too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shrink {
    list: String,
    members: u64,
    leaving: u64,
    percent: u32,
}

impl Shrink {
    /// What would happen, and what to do.
    pub(crate) fn in_words(&self) -> String {
        let Self { list, members, leaving, percent } = self;
        format!(
            "going on would take {leaving} or more of {members} members off the list \"{list}\", more than {percent} %: \
             none of those has left yet. If the store is right, confirm the run, and it goes on from here; if not, cancel \
             it, put the store right, and the next run reads anew"
        )
    }
}

/// Takes what a page did to lists into the run's tally, in the page's transaction. Where nobody leaves it costs nothing.
///
/// # Errors
/// [`PageError::Asks`]: the page must not be written.
pub(super) async fn take(
    tx: &impl ConnectionTrait,
    context: &PageContext,
    run: &mut Run,
    settled: &Settled,
) -> Result<(), PageError> {
    let before = run.lists.clone();
    for (list, moved) in &settled.lists {
        let tally = run.lists.entry(*list).or_default();
        tally.joined += moved.joined;
        tally.left += moved.left;
    }
    let Some(limit) = context.limit else { return Ok(()) };
    for (list, moved) in settled.lists.iter().filter(|(_, moved)| moved.left > 0) {
        let tally = run.lists.entry(*list).or_default();
        let members = match tally.members {
            Some(members) => members,
            None => tally.members_before(memberships::count(tx, run.account_id, *list).await?),
        };
        tally.members = Some(members);
        let left = before.get(list).map_or(0, |tally| tally.left);
        if limit.decide(members, left, moved.left) == Verdict::Stop {
            return Err(asks(tx, run, *list, (members, left + moved.left), limit).await?);
        }
    }
    Ok(())
}

/// Counts whom the end of these records takes off lists, before the first of them is written. Where they are fewer than
/// the limit asks about, it costs nothing.
///
/// # Errors
/// [`PageError::Asks`]: they must not be written.
pub(super) async fn look_ahead(context: &PageContext, run: &Run, gone: &[SourceRecordId]) -> Result<(), PageError> {
    let Some(limit) = context.limit else { return Ok(()) };
    let left = run.lists.values().map(|tally| tally.left).max().unwrap_or_default();
    if left + (gone.len() as u64) < u64::from(limit.at_least) {
        return Ok(());
    }
    let db = &context.app.db;
    for (list, about) in leaving_by_end_of(context, run, gone).await? {
        let tally = run.lists.get(&list).copied().unwrap_or_default();
        let members = match tally.members {
            Some(members) => members,
            None => tally.members_before(memberships::count(db, run.account_id, list).await?),
        };
        if limit.decide(members, tally.left, about) == Verdict::Stop {
            return Err(asks(db, run, list, (members, tally.left + about), limit).await?);
        }
    }
    Ok(())
}

async fn leaving_by_end_of(
    context: &PageContext,
    run: &Run,
    gone: &[SourceRecordId],
) -> Result<BTreeMap<ListId, u64>, PageError> {
    let db = &context.app.db;
    let store = StoreContext {
        account_id: run.account_id,
        integration_id: run.integration_id,
        platform: context.platform,
        targets: memberships::targets(db, run.account_id, run.integration_id).await?,
        suppression: context.suppression.clone(),
    };
    let now = context.app.clock.now();
    let mut all: BTreeMap<ListId, u64> = BTreeMap::new();
    let mut looked_at: HashSet<String> = HashSet::new();
    for batch in gone.chunks(BATCH) {
        let mut change = ending(context, run, (gone, batch)).await?;
        // Somebody with several records that end is counted with the first of them.
        change.addresses.retain(|address, _| looked_at.insert(address.clone()));
        let plan = settle::plan(db, &store, change, now).await?;
        for (list, count) in leaving::by_list(db, run.account_id, &plan).await? {
            *all.entry(list).or_default() += count;
        }
        context.beat.send_replace(());
    }
    Ok(all)
}

/// What it means that a batch of records is gone, with all other gone records of the same people.
async fn ending(
    context: &PageContext,
    run: &Run,
    (gone, batch): (&[SourceRecordId], &[SourceRecordId]),
) -> Result<Change, DbErr> {
    let db = &context.app.db;
    let records = source_records::by_ids(db, run.account_id, run.integration_id, batch).await?;
    let mut addresses: Vec<&str> =
        records.iter().filter_map(|record| record.email.as_ref()).map(Email::normalized).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let of_people = source_records::by_addresses(db, run.account_id, run.integration_id, &addresses).await?;
    let writing = Writing { key: &context.suppression, now: context.app.clock.now() };
    let mut change = Change::default();
    for record in of_people.iter().filter(|record| gone.binary_search(&record.id).is_ok()) {
        if is_gone(run, record, writing.now) {
            vanish(&mut change, record, Cause::DeletedInStore, None, writing);
        }
    }
    Ok(change)
}

async fn asks(
    tx: &impl ConnectionTrait,
    run: &Run,
    list: ListId,
    (members, leaving): (u64, u64),
    limit: Limit,
) -> Result<PageError, DbErr> {
    let named = lists_by_id::find(tx, run.account_id, &[list]).await?.remove(&list);
    let list = named.map_or_else(|| list.to_string(), |list| list.name);
    Ok(PageError::Asks(Shrink { list, members, leaving, percent: limit.percent }))
}
