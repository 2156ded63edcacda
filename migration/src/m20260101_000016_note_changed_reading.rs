//! When somebody last changed what the runs of an integration read, apart from when anything of it was changed: a new name
//! or a pause is no reason to read a whole store again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::timestamp_with_time_zone;

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const COLUMN: &str = "reading_changed_at";
/// What a process of the former release leaves in a row that it adds meanwhile: never changed since it was made.
const NEVER: &str = "1970-01-01T00:00:00+00:00";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = timestamp_with_time_zone(COLUMN).default(NEVER).take();
        manager.alter_table(Table::alter().table("integration").add_column(column).to_owned()).await?;
        // What that change was is not known any more.
        let fill = format!("UPDATE integration SET {COLUMN} = updated_at");
        manager.get_connection().execute_unprepared(&fill).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("integration").drop_column(COLUMN).to_owned()).await
    }
}
