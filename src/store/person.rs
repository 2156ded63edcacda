//! Which rows are about a person, and whether anything else keeps a contact known: asked alike by erasure and export.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ::entity::{consent_record, integration, source_record};
use sea_orm::sea_query::{BinOper, Expr, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait as _, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use uuid::Uuid;

use super::connect::is_postgres;
use super::memberships;
use super::words::{rows_per_statement, word};
use crate::domain::ids::{AccountId, ContactId, IntegrationId, SourceRecordId};
use crate::domain::people::{StoreId, Stream};

/// A store's record, by its identity there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoreRecordId {
    pub(crate) id: SourceRecordId,
    pub(crate) integration: IntegrationId,
    pub(crate) stream: Stream,
    pub(crate) store_id: StoreId,
    /// Normalised address; `None` once the store has none.
    pub(crate) address: Option<String>,
    pub(crate) contact: Option<ContactId>,
    /// Given and family name.
    pub(crate) name: (Option<String>, Option<String>),
}

impl StoreRecordId {
    /// What the consent records made from it refer to.
    pub(crate) fn capture_ref(&self) -> String {
        capture_ref(self.integration, self.stream, &self.store_id)
    }
}

/// What the consent records made from a store's record refer to.
pub(crate) fn capture_ref(integration: IntegrationId, stream: Stream, store_id: &StoreId) -> String {
    format!("{integration}/{stream}/{store_id}")
}

/// The records that the stores of an account have of people: with these addresses, or of these contacts.
pub(crate) async fn records_of(
    tx: &impl ConnectionTrait,
    account: AccountId,
    addresses: &[&str],
    contacts: &[ContactId],
) -> Result<Vec<StoreRecordId>, DbErr> {
    // Two questions, since no index answers both at once.
    let mut found = BTreeMap::new();
    for addresses in addresses.chunks(rows_per_statement(1)) {
        found.extend(identities(by_address(account, addresses).all(tx).await?)?);
    }
    for contacts in contacts.chunks(rows_per_statement(1)) {
        let contacts = contacts.iter().map(|id| id.0);
        let of_contacts = source_record::Entity::find()
            .filter(source_record::Column::AccountId.eq(account.0))
            .filter(source_record::Column::ContactId.is_in(contacts));
        found.extend(identities(of_contacts.all(tx).await?)?);
    }
    Ok(found.into_values().collect())
}

/// The index on addresses begins with the integration.
fn by_address(account: AccountId, addresses: &[&str]) -> Select<source_record::Entity> {
    let integrations = Query::select()
        .column(integration::Column::Id)
        .from(integration::Entity)
        .and_where(integration::Column::AccountId.eq(account.0))
        .to_owned();
    source_record::Entity::find()
        .filter(source_record::Column::IntegrationId.in_subquery(integrations))
        .filter(source_record::Column::EmailNormalized.is_in(addresses.iter().copied()))
}

/// Those of a store's records that are known, however many are named.
pub(crate) async fn records_named(
    tx: &impl ConnectionTrait,
    integration: IntegrationId,
    names: &[(Stream, StoreId)],
) -> Result<Vec<StoreRecordId>, DbErr> {
    let mut found = BTreeMap::new();
    for (stream, ids) in by_stream(names) {
        for ids in ids.chunks(rows_per_statement(1)) {
            let rows = source_record::Entity::find()
                .filter(source_record::Column::IntegrationId.eq(integration.0))
                .filter(source_record::Column::Stream.eq(stream.as_str()))
                .filter(source_record::Column::StoreId.is_in(ids.iter().copied()))
                .all(tx)
                .await?;
            found.extend(identities(rows)?);
        }
    }
    Ok(found.into_values().collect())
}

/// The stores' ids by stream.
pub(super) fn by_stream(names: &[(Stream, StoreId)]) -> BTreeMap<Stream, Vec<&str>> {
    let mut streams: BTreeMap<Stream, Vec<&str>> = BTreeMap::new();
    for (stream, id) in names {
        streams.entry(*stream).or_default().push(id.as_str());
    }
    streams
}

fn identities(rows: Vec<source_record::Model>) -> Result<Vec<(Uuid, StoreRecordId)>, DbErr> {
    let identity = |row: source_record::Model| {
        let record = StoreRecordId {
            id: row.id.into(),
            integration: row.integration_id.into(),
            stream: word("stream", &row.stream)?,
            store_id: StoreId::new(row.store_id),
            address: row.email_normalized,
            contact: row.contact_id.map(Into::into),
            name: (row.first_name, row.last_name),
        };
        Ok((row.id, record))
    };
    rows.into_iter().map(identity).collect()
}

/// The contacts whose consent records were made from these records of stores: also under addresses that changed since.
pub(crate) async fn contacts_recorded(
    tx: &impl ConnectionTrait,
    account: AccountId,
    capture_refs: &[&str],
) -> Result<BTreeSet<ContactId>, DbErr> {
    let mut found = BTreeSet::new();
    for refs in capture_refs.chunks(rows_per_statement(1)) {
        let made_from = Condition::all().add(consent_record::Column::CaptureRef.is_in(refs.iter().copied()));
        let ids: Vec<Uuid> = recorded(account, made_from).into_tuple().all(tx).await?;
        found.extend(ids.into_iter().map(ContactId::from));
    }
    Ok(found)
}

/// Contacts that a store's consent records are about, in order, at most `limit`.
pub(crate) async fn contacts_recorded_by(
    tx: &impl ConnectionTrait,
    account: AccountId,
    integration: IntegrationId,
    limit: u64,
) -> Result<Vec<ContactId>, DbErr> {
    let of_store = made_by(tx.get_database_backend(), integration);
    let query = recorded(account, of_store).order_by_asc(consent_record::Column::ContactId).limit(limit);
    let ids: Vec<Uuid> = query.into_tuple().all(tx).await?;
    Ok(ids.into_iter().map(Into::into).collect())
}

fn recorded(account: AccountId, which: Condition) -> Select<consent_record::Entity> {
    consent_record::Entity::find()
        .select_only()
        .column(consent_record::Column::ContactId)
        .distinct()
        .filter(consent_record::Column::AccountId.eq(account.0))
        .filter(consent_record::Column::ContactId.is_not_null())
        .filter(which)
}

/// Made from a store's records: the reference begins with the store's id and a slash. Asked as a range (`0` follows the
/// slash), which an index answers; on PostgreSQL byte by byte, whatever its collation makes of the two.
pub(super) fn made_by(backend: DbBackend, integration: IntegrationId) -> Condition {
    let (from, to) = (format!("{integration}/"), format!("{integration}0"));
    let (at_least, below) = if is_postgres(backend) { ("~>=~", "~<~") } else { (">=", "<") };
    let column = || Expr::col((consent_record::Entity, consent_record::Column::CaptureRef));
    Condition::all()
        .add(column().binary(BinOper::Custom(at_least), Expr::val(from)))
        .add(column().binary(BinOper::Custom(below), Expr::val(to)))
}

/// What does not count when it is asked whether something keeps a contact known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Apart<'a> {
    /// What one store brought.
    Store(IntegrationId),
    /// Store records with these references, and consents that were made from them.
    Records(&'a HashSet<String>),
}

impl Apart<'_> {
    fn is_record(self, record: &StoreRecordId) -> bool {
        match self {
            Self::Store(integration) => record.integration == integration,
            Self::Records(refs) => refs.contains(&record.capture_ref()),
        }
    }

    fn is_store(self, store: Option<IntegrationId>) -> bool {
        matches!(self, Self::Store(integration) if store == Some(integration))
    }

    fn is_capture(self, capture_ref: Option<&str>) -> bool {
        match (self, capture_ref) {
            (_, None) => false,
            (Self::Store(store), Some(of)) => {
                of.strip_prefix(&store.to_string()).is_some_and(|rest| rest.starts_with('/'))
            }
            (Self::Records(refs), Some(of)) => refs.contains(of),
        }
    }
}

/// Those of the people, by address, whom something else keeps known: a store's record, a ground, or a consent.
pub(crate) async fn known_otherwise(
    tx: &impl ConnectionTrait,
    account: AccountId,
    people: &[(&str, Option<ContactId>)],
    apart: Apart<'_>,
) -> Result<HashSet<String>, DbErr> {
    let addresses: Vec<&str> = people.iter().map(|(address, _)| *address).collect();
    let contacts: Vec<ContactId> = people.iter().filter_map(|(_, contact)| *contact).collect();
    let (mut known, mut known_contacts) = (HashSet::new(), HashSet::new());
    for record in records_of(tx, account, &addresses, &contacts).await? {
        if !apart.is_record(&record) {
            known.extend(record.address);
            known_contacts.extend(record.contact);
        }
    }
    let grounds = memberships::held_by(tx, account, &contacts).await?;
    known_contacts
        .extend(grounds.into_iter().filter(|held| !apart.is_store(held.integration)).map(|held| held.contact));
    for contacts in contacts.chunks(rows_per_statement(1)) {
        let consents: Vec<(Uuid, Option<String>)> = consent_record::Entity::find()
            .select_only()
            .columns([consent_record::Column::ContactId, consent_record::Column::CaptureRef])
            .filter(consent_record::Column::AccountId.eq(account.0))
            .filter(consent_record::Column::ContactId.is_in(contacts.iter().map(|id| id.0)))
            .into_tuple()
            .all(tx)
            .await?;
        let elsewhere = consents.into_iter().filter(|(_, of)| !apart.is_capture(of.as_deref()));
        known_contacts.extend(elsewhere.map(|(contact, _)| ContactId::from(contact)));
    }
    let by_contact = people.iter().filter(|(_, contact)| contact.is_some_and(|id| known_contacts.contains(&id)));
    known.extend(by_contact.map(|(address, _)| (*address).to_owned()));
    known.retain(|address| addresses.contains(&address.as_str()));
    Ok(known)
}

#[cfg(test)]
mod tests {
    use migration::{Migrator, MigratorTrait as _};
    use sea_orm::{ConnectOptions, Database, DatabaseConnection, QueryTrait as _, Statement};

    use super::*;

    /// How SQLite would find the rows.
    async fn plan<E: EntityTrait>(db: &DatabaseConnection, query: Select<E>) -> String {
        let mut statement: Statement = query.build(db.get_database_backend());
        statement.sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let rows = db.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap() + "\n").collect()
    }

    #[tokio::test]
    async fn nothing_is_asked_that_walks_a_whole_table() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1).sqlx_logging(false);
        let db = Database::connect(options).await.unwrap();
        Migrator::up(&db, None).await.unwrap();
        let (account, store) = (AccountId(Uuid::nil()), IntegrationId(Uuid::nil()));
        let by_address = plan(&db, by_address(account, &["a@example.com", "b@example.com"])).await;
        assert!(by_address.contains("source_record_address (integration_id=? AND email_normalized=?)"), "{by_address}");
        let recorded = plan(&db, recorded(account, made_by(db.get_database_backend(), store))).await;
        let range = "consent_record_capture (account_id=? AND capture_ref>? AND capture_ref<?)";
        assert!(recorded.contains(range), "{recorded}");
    }
}
