//! Table `signing_key`.

use sea_orm::entity::prelude::*;

/// A key that signs access tokens.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    /// Time-ordered identifier; the key id in tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Sealed PKCS#8 form of the Ed25519 key.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
