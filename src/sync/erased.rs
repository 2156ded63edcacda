//! People who were erased are passed over, whatever a store says of them.

use sea_orm::{ConnectionTrait, DbErr};

use crate::domain::email::Email;
use crate::domain::ids::AccountId;
use crate::domain::people::{SkipReason, StoreRecord};
use crate::store::erased;
use crate::store::people::SuppressionKey;

/// The records with those of erased people skipped.
pub(super) async fn left_out(
    tx: &impl ConnectionTrait,
    account: AccountId,
    key: &SuppressionKey,
    mut records: Vec<StoreRecord>,
) -> Result<Vec<StoreRecord>, DbErr> {
    let emails: Vec<Option<Email>> = records.iter().map(email).collect();
    let addresses: Vec<&str> = emails.iter().flatten().map(Email::normalized).collect();
    let erased = erased::among(tx, account, key, &addresses).await?;
    for (record, email) in records.iter_mut().zip(&emails) {
        if let (StoreRecord::Person(person), Some(email)) = (&*record, email)
            && erased.contains(email.normalized())
        {
            let store_id = person.store_id.clone();
            *record = StoreRecord::Skipped { store_id, reason: SkipReason::Erased };
        }
    }
    Ok(records)
}

fn email(record: &StoreRecord) -> Option<Email> {
    match record {
        StoreRecord::Person(person) => person.email.as_deref()?.parse().ok(),
        StoreRecord::Skipped { .. } | StoreRecord::Malformed { .. } => None,
    }
}
