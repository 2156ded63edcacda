//! The same page of several parents at once, for relations that fan out: one statement, whatever their number.
//!
//! Each parent's page is a range of an index with its own limit; the statement is their union. Numbering the rows of
//! all parents instead would read every one of a list's million members to show fifty.

use std::collections::HashMap;
use std::hash::Hash;

use ::entity::{consent_record, membership, membership_event, quarantined_record, source_record, sync_run};
use sea_orm::sea_query::{Asterisk, Query, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Order, QueryFilter, QueryTrait, Select,
};
use uuid::Uuid;

use super::consents::{self, ConsentKey};
use super::{contacts, memberships, runs, sources, window};
use crate::domain::contact::{Contact, Membership, MembershipEvent, SourceRecord};
use crate::domain::evidence::RecordedConsent;
use crate::domain::ids::{AccountId, ContactId, IntegrationId, ListId, SyncRunId};
use crate::domain::page::{End, Slice, Window};
use crate::domain::run::{Issues, QuarantinedRecord, SyncRun};

/// Parents of one statement: SQLite takes at most 500 parts of a union, PostgreSQL plans each.
const PARENTS: usize = 100;

/// Pages by parent. A parent without rows is absent.
pub(crate) type Pages<P, T> = HashMap<P, Slice<T>>;

/// The consent records of several contacts, newest consent first.
pub(crate) async fn consents(
    db: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
    page: &Window<ConsentKey>,
) -> Result<Pages<ContactId, RecordedConsent>, DbErr> {
    use consent_record::{Column, Model};
    let query = |id: Uuid| consents::windowed(consents::owned_by(account).filter(Column::ContactId.eq(id)), page);
    let key = |row: &Model| (row.date_time_consented, row.sequence);
    let rows = read(db, contacts, query, |row| row.contact_id.unwrap_or_default(), key).await?;
    cut(rows, page, &Order::Desc, consents::from_row)
}

/// What the stores said about several contacts, oldest first.
pub(crate) async fn sources(
    db: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
    page: &Window<Uuid>,
) -> Result<Pages<ContactId, SourceRecord>, DbErr> {
    use source_record::Column;
    let query = |id: Uuid| {
        let query = sources::owned_by(account).filter(Column::ContactId.eq(id));
        window::by_id(query, Column::Id, &Order::Asc, page)
    };
    let rows = read(db, contacts, query, |row| row.contact_id.unwrap_or_default(), |row| row.id).await?;
    cut(rows, page, &Order::Asc, sources::from_row)
}

/// The joins and leaves of several contacts, oldest first.
pub(crate) async fn events(
    db: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
    page: &Window<Uuid>,
) -> Result<Pages<ContactId, MembershipEvent>, DbErr> {
    use membership_event::{Column, Entity};
    let query = |id: Uuid| {
        let query = Entity::find().filter(Column::AccountId.eq(account.0)).filter(Column::ContactId.eq(id));
        window::by_id(query, Column::Id, &Order::Asc, page)
    };
    let rows = read(db, contacts, query, |row| row.contact_id, |row| row.id).await?;
    cut(rows, page, &Order::Asc, memberships::event)
}

/// The memberships of several contacts with their grounds, oldest first.
pub(crate) async fn memberships(
    db: &impl ConnectionTrait,
    account: AccountId,
    contacts: &[ContactId],
    page: &Window<Uuid>,
) -> Result<Pages<ContactId, Membership>, DbErr> {
    use membership::Column;
    let query = |id: Uuid| {
        let query = memberships::owned_by(account).filter(Column::ContactId.eq(id));
        window::by_id(query, Column::Id, &Order::Asc, page)
    };
    let rows = read(db, contacts, query, |row| row.contact_id, |row| row.id).await?;
    let pages: Pages<ContactId, membership::Model> = cut(rows, page, &Order::Asc, Ok)?;
    let shown = pages.values().flat_map(|page| page.items.iter().cloned()).collect();
    let shown = memberships::with_grounds(db, account, shown).await?;
    let mut shown: HashMap<Uuid, Membership> =
        shown.into_iter().map(|membership| (membership.id.into(), membership)).collect();
    Ok(filled(pages, |row| shown.remove(&row.id)))
}

/// The contacts of several lists, oldest first. `suppressed_at` is not yet looked up.
pub(crate) async fn members(
    db: &impl ConnectionTrait,
    account: AccountId,
    lists: &[ListId],
    page: &Window<Uuid>,
) -> Result<Pages<ListId, Contact>, DbErr> {
    use membership::Column;
    let query = |id: Uuid| {
        let query = memberships::owned_by(account).filter(Column::ListId.eq(id));
        window::by_id(query, Column::ContactId, &Order::Asc, page)
    };
    let rows = read(db, lists, query, |row| row.list_id, |row| row.contact_id).await?;
    let pages: Pages<ListId, membership::Model> = cut(rows, page, &Order::Asc, Ok)?;
    let mut ids: Vec<ContactId> =
        pages.values().flat_map(|page| page.items.iter().map(|row| row.contact_id.into())).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = contacts::by_ids(db, account, &ids).await?;
    let found: HashMap<Uuid, Contact> = found.into_iter().map(|contact| (contact.id.into(), contact)).collect();
    Ok(filled(pages, |row| found.get(&row.contact_id).cloned()))
}

/// The runs of several integrations, newest first.
pub(crate) async fn runs(
    db: &impl ConnectionTrait,
    account: AccountId,
    integrations: &[IntegrationId],
    page: &Window<Uuid>,
) -> Result<Pages<IntegrationId, SyncRun>, DbErr> {
    use sync_run::Column;
    let query = |id: Uuid| {
        let query = runs::owned_by(account).filter(Column::IntegrationId.eq(id));
        window::by_id(query, Column::Id, &Order::Desc, page)
    };
    let rows = read(db, integrations, query, |row| row.integration_id, |row| row.id).await?;
    cut(rows, page, &Order::Desc, |row| runs::from_row(&row))
}

/// The records that several runs could not use, in the order found.
pub(crate) async fn issues(
    db: &impl ConnectionTrait,
    account: AccountId,
    (of, which): (&[SyncRunId], Issues),
    page: &Window<Uuid>,
) -> Result<Pages<SyncRunId, QuarantinedRecord>, DbErr> {
    use quarantined_record::Column;
    let query = |id: Uuid| {
        let query = runs::issues_of(account, which).filter(Column::RunId.eq(id));
        window::by_id(query, Column::Id, &Order::Asc, page)
    };
    let rows = read(db, of, query, |row| row.run_id, |row| row.id).await?;
    cut(rows, page, &Order::Asc, runs::issue)
}

/// Reads the rows of all parents, each with its place in its parent's order.
pub(super) async fn read<P, E, K>(
    db: &impl ConnectionTrait,
    parents: &[P],
    query: impl Fn(Uuid) -> Select<E>,
    parent_of: impl Fn(&E::Model) -> Uuid,
    key: impl Fn(&E::Model) -> K,
) -> Result<HashMap<P, Vec<(K, E::Model)>>, DbErr>
where
    P: From<Uuid> + Into<Uuid> + Copy + Eq + Hash,
    E: EntityTrait,
{
    let mut found: HashMap<P, Vec<(K, E::Model)>> = HashMap::new();
    for parents in parents.chunks(PARENTS) {
        let mut parts = parents.iter().map(|parent| {
            // The inner limit is the reason for the outer query: SQLite takes none in a part of a union.
            Query::select().column(Asterisk).from_subquery(query((*parent).into()).into_query(), "page").take()
        });
        let Some(mut statement) = parts.next() else { break };
        for part in parts {
            statement.union(UnionType::All, part);
        }
        for row in db.query_all(&statement).await? {
            let row = E::Model::from_query_result(&row, "")?;
            found.entry(parent_of(&row).into()).or_default().push((key(&row), row));
        }
    }
    Ok(found)
}

/// Makes pages: a union has no order of its own, so the rows are brought into the one they were limited by.
fn cut<P, K, C, M, T>(
    found: HashMap<P, Vec<(K, M)>>,
    page: &Window<C>,
    order: &Order,
    convert: impl Fn(M) -> Result<T, DbErr>,
) -> Result<Pages<P, T>, DbErr>
where
    P: Eq + Hash,
    K: Ord,
{
    let reads_ascending = matches!(order, Order::Asc) == (page.end == End::First);
    let sort = |rows: &mut Vec<(K, M)>| {
        rows.sort_unstable_by(|(one, _), (other, _)| if reads_ascending { one.cmp(other) } else { other.cmp(one) });
    };
    let slice = |(parent, mut rows): (P, Vec<(K, M)>)| {
        sort(&mut rows);
        let rows = rows.into_iter().map(|(_, row)| convert(row)).collect::<Result<Vec<_>, _>>()?;
        Ok((parent, Slice::new(rows, page.size, page.end)))
    };
    found.into_iter().map(slice).collect()
}

/// The same pages of something else; what is gone meanwhile is left out.
fn filled<P: Eq + Hash, M, T>(pages: Pages<P, M>, mut get: impl FnMut(M) -> Option<T>) -> Pages<P, T> {
    pages
        .into_iter()
        .map(|(parent, Slice { items, has_more })| {
            (parent, Slice { items: items.into_iter().filter_map(&mut get).collect(), has_more })
        })
        .collect()
}
