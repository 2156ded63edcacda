//! Every statement that grows with traffic names the account: then tables can be partitioned or spread by it.
//!
//! The statements are those that really run on PostgreSQL, not those that stand in the source. SQLite has nothing to spread.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

mod statements;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::databases::{Engine, TestDatabase, run};
use crate::support::files::text_files;
use statements::Statement;
use traffic::Traffic;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_exceptions_do_not_name_the_account() {
    run(Engine::Postgres, listened_to).await;
}

/// A statement that runs in traffic and does not name the account, as [`Statement::shape`] tells it.
struct Exception {
    shape: &'static str,
    reason: &'static str,
}

/// Statements over tables with an account that are found without it.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        shape: "SELECT sync_run by id",
        reason: "a worker takes up a run that its job names, whoever's it is: once a run; what follows names the account",
    },
    Exception {
        shape: "SELECT integration by id",
        reason: "a worker opens the store of a run, and a webhook the one in its address: from there the account is known",
    },
    Exception { shape: "SELECT schedule by integration_id", reason: "by the key of the row, once at the end of a run" },
    Exception { shape: "UPDATE schedule by integration_id", reason: "by the key of the row, once at the end of a run" },
    Exception {
        shape: "SELECT hint_lane+integration+pending_hint by given_up_at, integration_id, lease_until, not_before, state, urgent",
        reason: "a worker looks whose webhooks are next, of all accounts",
    },
    Exception {
        shape: "SELECT integration+webhook_endpoint by id",
        reason: "a worker looks which stores have no webhooks yet, of all accounts",
    },
    Exception {
        shape: "SELECT webhook_endpoint+integration by integration_id, lease_until, next_at, state",
        reason: "a worker looks whose webhooks are to be checked, of all accounts",
    },
];

/// Tables without an account of their own, each with what it hangs on.
const WITHOUT_ACCOUNT: &[(&str, &str)] = &[
    ("account", "its key is the account"),
    ("hint_lane", "two rows for each integration, which has an account"),
    ("pending_hint", "an inbox of an integration; emptied at once"),
    ("signing_key", "one service, a handful of rows; a reference table where others are spread"),
    ("sync_page", "the memory of one run, which has an account; emptied when the run ends"),
    ("webhook_delivery", "what an integration was sent in the last days"),
    ("webhook_endpoint", "one row for each integration"),
];

/// The tables of the entities: all, and those that have a column for the account.
fn tables() -> (BTreeSet<String>, BTreeSet<String>) {
    let mut all = BTreeSet::new();
    let mut scoped = BTreeSet::new();
    for file in text_files(|path| path.starts_with("entity/src/")) {
        let Some((_, rest)) = file.text.split_once("table_name = \"") else { continue };
        let table = rest.split('"').next().unwrap_or_default().to_owned();
        if file.text.contains("pub account_id: Uuid") {
            scoped.insert(table.clone());
        }
        all.insert(table);
    }
    assert!(scoped.len() > 10, "the entities are not found");
    (all, scoped)
}

#[test]
fn every_table_has_an_account_or_a_reason() {
    let (all, scoped) = tables();
    let without: BTreeSet<&str> = all.difference(&scoped).map(String::as_str).collect();
    let explained: BTreeSet<&str> = WITHOUT_ACCOUNT.iter().map(|(table, _)| *table).collect();
    assert_eq!(without, explained);
    assert!(WITHOUT_ACCOUNT.iter().all(|(_, reason)| !reason.is_empty()));
}

async fn listened_to(db: TestDatabase) {
    let (_, scoped) = tables();
    let ran = Traffic::of_everything(db).await;
    let ran: Vec<Statement<'_>> = ran.iter().map(|sql| Statement::new(sql)).collect();
    let over_people = ran.iter().filter(|statement| statement.touches("source_record")).count();
    assert!(over_people > 5, "the statements are not understood");
    let mut unscoped: BTreeMap<String, &str> = ran
        .iter()
        .filter(|statement| !statement.names_account_for(&scoped))
        .map(|statement| (statement.shape(), statement.sql))
        .collect();
    for exception in EXCEPTIONS {
        let was_needed = unscoped.remove(exception.shape).is_some();
        assert!(was_needed, "{} is no exception any more", exception.shape);
        assert!(!exception.reason.is_empty());
    }
    let list: Vec<String> = unscoped.iter().map(|(shape, sql)| format!("{shape}\n    {sql}")).collect();
    assert!(list.is_empty(), "{} statements don't name the account:\n{}", list.len(), list.join("\n"));
}
