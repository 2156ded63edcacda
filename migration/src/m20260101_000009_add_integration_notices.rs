//! What people should know about an installed store.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::json_binary;

/// This change.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("integration")
                    .add_column(json_binary("notices").default(Expr::val("[]")))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("integration").drop_column("notices").to_owned()).await
    }
}
