//! "Retry these": records that a run could not use are read again by their ids, beside whatever run is under way.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::syncs::refuse_unless_active;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::access::Scope;
use crate::domain::ids::{IntegrationId, SyncRunId};
use crate::domain::people::{StoreId, Stream};
use crate::domain::run::Retry;
use crate::error::Error;
use crate::store::hints::{self, NewHint};
use crate::store::quarantine::{self, Unresolved};
use crate::store::{begin, installed, ledger, sync_runs};

/// Most records that a caller may name.
pub const MAX_NAMED: usize = 500;
/// Most records of a run that are read again one by one. A full run reads more in less time.
const MAX_RECORDS: u64 = 2_000;
/// Records that are queued by one statement.
const AT_ONCE: usize = 500;

/// Has records read again that a run could not use: all of them, or `some`, at most [`MAX_NAMED`]. Each is queued once,
/// however often it was found, and behind opt-outs; one that waits already is read once.
///
/// # Errors
/// The run is not there, one of `some` is not a record of it, its integration must not be synced, or there are too many.
pub async fn retry(app: &App, caller: &Caller, run: SyncRunId, some: Option<&[Uuid]>) -> Result<Retry, Error> {
    caller.require(Scope::SyncsWrite)?;
    let found = sync_runs::find_of(&app.db, caller.account_id, run).await?;
    let integration = found.ok_or(Error::NotFound("sync run"))?.integration_id;
    let mut retry = Retry::default();
    let mut waiting: BTreeSet<(&str, StoreId, Stream)> = BTreeSet::new();
    for record in chosen(app, caller, run, some).await? {
        match record.store_id {
            _ if record.is_resolved => retry.resolved += 1,
            None => retry.unidentified += 1,
            Some(store_id) => {
                waiting.insert((record.stream.as_str(), store_id, record.stream));
            }
        }
    }
    retry.queued = waiting.len() as u64;
    // In the order in which hints are locked: by stream as a word, then by id.
    let hints = waiting.into_iter().map(|(_, store_id, stream)| NewHint { stream, store_id, urgent: false });
    queue(app, caller, integration, &hints.collect::<Vec<_>>()).await?;
    Ok(retry)
}

/// The records that a run could not use, as far as they are asked for.
async fn chosen(app: &App, caller: &Caller, run: SyncRunId, some: Option<&[Uuid]>) -> Result<Vec<Unresolved>, Error> {
    if some.is_some_and(|some| some.is_empty() || some.len() > MAX_NAMED) {
        return Err(Error::invalid("ids", format!("must have 1 to {MAX_NAMED} identifiers")));
    }
    let records = quarantine::of_run(&app.db, (caller.account_id, run), some, MAX_RECORDS + 1).await?;
    if let Some(some) = some {
        let known: HashSet<Uuid> = records.iter().map(|record| record.id).collect();
        if let Some(index) = some.iter().position(|id| !known.contains(id)) {
            return Err(Error::invalid(format!("ids.{index}"), "is not a record that this run could not use"));
        }
    }
    if records.len() as u64 > MAX_RECORDS {
        let sentence =
            format!("the run has more than {MAX_RECORDS} such records; start a full run, which reads them all");
        return Err(Error::Conflict(sentence));
    }
    Ok(records)
}

async fn queue(app: &App, caller: &Caller, integration: IntegrationId, hints: &[NewHint]) -> Result<(), Error> {
    let now = app.clock.now();
    let tx = begin(&app.db).await?;
    ledger::lock(&tx, caller.account_id).await?;
    // Whoever pauses or removes it waits until these are queued.
    let store = installed::keep(&tx, caller.account_id, integration).await?;
    refuse_unless_active(store.ok_or(Error::NotFound("sync run"))?.state)?;
    for some in hints.chunks(AT_ONCE) {
        hints::add(&tx, integration, some, now).await?;
    }
    tx.commit().await?;
    app.wake_hints.notify_one();
    Ok(())
}
