//! Stops a run before it takes more members off a list than it may unasked (`domain::shrink`, ADR 9).
//!
//! **Invariant:** a page that crosses the limit is not written, and of those whom a full pass did not show either none is
//! written or all may be.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use sea_orm::{ConnectionTrait, DbErr};

use super::page::{PageContext, PageError, is_gone};
use super::reading::{Writing, vanish};
use crate::domain::email::Email;
use crate::domain::ids::{ListId, SourceRecordId};
use crate::domain::membership::Cause;
use crate::domain::shrink::Verdict;
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
    numbers: Numbers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbers {
    /// When the reading began.
    members: u64,
    /// Who has gone already.
    gone: u64,
    /// Who would go next, at least.
    leaving: u64,
    percent: u32,
}

impl Shrink {
    /// What would happen, and what to do.
    pub(crate) fn in_words(&self) -> String {
        let Self { list, numbers: Numbers { members, gone, leaving, percent } } = self;
        let before = match gone {
            0 => String::new(),
            gone => format!("{gone} have left before, and "),
        };
        format!(
            "{before}going on would take {leaving} or more of {members} members off the list \"{list}\", more than \
             {percent} % in all: these {leaving} have not left yet. If the store is right, confirm the run, and it goes on \
             from here; if not, cancel it, put the store right, and the next run reads anew"
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
    let gone_before = |list: &ListId| before.get(list).map_or(0, |tally| tally.gone());
    for (list, moved) in &settled.lists {
        if moved.left == 0 || limit.is_small(gone_before(list), moved.left) {
            continue;
        }
        let tally = run.lists.entry(*list).or_default();
        let members = match tally.members {
            Some(members) => members,
            None => tally.members_before(memberships::count(tx, run.account_id, *list).await?),
        };
        tally.members = Some(members);
        let gone = gone_before(list);
        if limit.decide(members, gone, moved.left) == Verdict::Stop {
            let numbers = Numbers { members, gone, leaving: moved.left, percent: limit.percent };
            return Err(asks(tx, run, *list, numbers).await?);
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
    let gone_before = run.lists.values().map(|tally| tally.gone()).max().unwrap_or_default();
    if limit.is_small(gone_before, gone.len() as u64) {
        return Ok(());
    }
    let db = &context.app.db;
    let store = StoreContext {
        account_id: run.account_id,
        integration_id: run.integration_id,
        platform: context.platform,
        targets: memberships::targets(db, run.account_id, run.integration_id).await?,
        suppression: context.suppression.clone(),
    };
    let mut leaving: BTreeMap<ListId, u64> = BTreeMap::new();
    let mut members: BTreeMap<ListId, u64> = BTreeMap::new();
    let mut looked_at = HashSet::new();
    for batch in gone.chunks(BATCH) {
        let mut change = ending(context, run, (gone, batch)).await?;
        // Somebody with several records that end is counted with the first of them. A hash, so that a store that shows nobody costs
        // little; two people who share one only make the question come a little later.
        change
            .addresses
            .retain(|address, _| looked_at.insert(BuildHasherDefault::<DefaultHasher>::new().hash_one(address)));
        let plan = settle::plan(db, &store, change, context.app.clock.now()).await?;
        for (list, count) in leaving::by_list(db, run.account_id, &plan).await? {
            let about = leaving.entry(list).or_default();
            *about += count;
            let tally = run.lists.get(&list).copied().unwrap_or_default();
            if limit.is_small(tally.gone(), *about) {
                continue;
            }
            let members = match (tally.members, members.entry(list)) {
                (Some(members), _) => members,
                (None, Entry::Occupied(counted)) => *counted.get(),
                (None, Entry::Vacant(vacant)) => {
                    *vacant.insert(tally.members_before(memberships::count(db, run.account_id, list).await?))
                }
            };
            if limit.decide(members, tally.gone(), *about) == Verdict::Stop {
                let numbers = Numbers { members, gone: tally.gone(), leaving: *about, percent: limit.percent };
                return Err(asks(db, run, list, numbers).await?);
            }
        }
        context.beat.send_replace(());
    }
    Ok(())
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

/// The question, with the list's name.
async fn asks(tx: &impl ConnectionTrait, run: &Run, list: ListId, numbers: Numbers) -> Result<PageError, DbErr> {
    let named = lists_by_id::find(tx, run.account_id, &[list]).await?.remove(&list);
    let list = named.map_or_else(|| list.to_string(), |list| list.name);
    Ok(PageError::Asks(Shrink { list, numbers }))
}
