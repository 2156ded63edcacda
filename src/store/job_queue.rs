//! PostgreSQL's job queue, as far as it is written inside our own transactions: the tables of `graphile_worker`, in a
//! schema of their own.
//!
//! A job only says that a run waits for a worker. What a worker may write is decided by the run's lease; a job that comes
//! twice, or late, does nothing.

use chrono::{DateTime, TimeDelta, Utc};
use graphile_worker::WorkerUtils;
use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::connect::{Database, is_postgres};
use super::leases::IS_FREE;
use crate::domain::ids::SyncRunId;
use crate::domain::sync::Lane;

/// Where the queue's tables are.
pub(crate) const SCHEMA: &str = "assent_jobs";

/// The queue takes first what is due longest, and nothing before it is due: so all are due long since, each in its turn.
const IN_TURN: &str = "turn_at - interval '10 years'";

/// How long a run may wait before another job is added for it, should the first have got lost.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);
/// Jobs that are added again at once.
const MOST_AGAIN: u64 = 256;

/// The name under which the queue knows runs of a lane.
pub(crate) const fn task(lane: Lane) -> &'static str {
    match lane {
        Lane::Changes => "sync_changes",
        Lane::Whole => "sync_whole",
    }
}

/// Makes the queue's tables, or brings them up to date. Nothing to do on SQLite, where runs are taken from their own table.
///
/// # Errors
/// The database fails, or a newer release of the queue was used on it.
pub async fn install(db: &Database) -> Result<(), DbErr> {
    if !is_postgres(db.get_database_backend()) {
        return Ok(());
    }
    let utils = WorkerUtils::new(db.get_postgres_connection_pool().clone(), SCHEMA.to_owned());
    utils.migrate().await.map_err(|error| DbErr::Migration(format!("the job queue: {error}")))
}

/// Whether the queue's tables are there; `None` on SQLite, which needs none. Changes nothing.
///
/// # Errors
/// The database fails.
pub async fn is_installed(db: &Database) -> Result<Option<bool>, DbErr> {
    let backend = db.get_database_backend();
    if !is_postgres(backend) {
        return Ok(None);
    }
    // The catalogue tells it also whom the schema is closed to.
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'migrations')";
    let row = db.query_one_raw(Statement::from_sql_and_values(backend, sql, [SCHEMA.into()])).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// Tells the workers that a run waits, once the transaction is committed. On SQLite they look by themselves.
pub(crate) async fn add(tx: &impl ConnectionTrait, run: SyncRunId, lane: Lane) -> Result<(), DbErr> {
    if !is_postgres(tx.get_database_backend()) {
        return Ok(());
    }
    // The key makes one job of many; a job that is being worked on is left alone, and another one added.
    let sql = format!(
        "SELECT {SCHEMA}.add_job($1, json_build_object('run', id::text), job_key => id::text, run_at => {IN_TURN}) \
         FROM sync_run WHERE id = $2"
    );
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [task(lane).into(), run.0.into()]))
        .await?;
    Ok(())
}

/// Adds jobs for runs that wait without one: their worker died, or their job got lost. One that waits behind another run gets
/// its job when that one ends.
pub(crate) async fn add_missing(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = format!(
        "SELECT {SCHEMA}.add_job(CASE lane WHEN $1 THEN $2 ELSE $3 END, json_build_object('run', id::text), \
         job_key => id::text, job_key_mode => 'preserve_run_at', run_at => {IN_TURN}) \
         FROM sync_run WHERE (status = 'running' AND lease_until < $4) OR (status = 'queued' AND queued_at < $5 \
         AND {IS_FREE}) ORDER BY turn_at, id LIMIT {MOST_AGAIN}"
    );
    let values = [
        Lane::Changes.as_str().into(),
        task(Lane::Changes).into(),
        task(Lane::Whole).into(),
        now.into(),
        (now - PATIENCE).into(),
    ];
    db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    Ok(())
}
