//! How long an opt-out in a store took to take the person off a list.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TIMED: &str = "membership_event_timed";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null("opt_out_micros").take();
        manager.alter_table(Table::alter().table("membership_event").add_column(column).to_owned()).await?;
        // Few events are timed opt-outs, and this holds all that is asked about them.
        let index = format!(
            "CREATE INDEX {TIMED} ON membership_event (account_id, integration_id, at, opt_out_micros) \
             WHERE opt_out_micros IS NOT NULL"
        );
        manager.get_connection().execute_unprepared(&index).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(TIMED).table("membership_event").to_owned()).await?;
        manager.alter_table(Table::alter().table("membership_event").drop_column("opt_out_micros").to_owned()).await
    }
}
