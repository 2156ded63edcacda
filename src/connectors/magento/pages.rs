//! The streams as pages: what is asked for, and which rows are looked at again.

use async_stream::try_stream;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde_json::Value;

use super::client::{Listing, Right, VERSION};
use super::position::Position;
use super::search::Search;
use super::walk::{KeyNames, Window};
use super::{Magento, confirm, wire};
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage};
use crate::domain::people::{StoreRecord, Stream};

/// Rows of a page on shops where accounts are read one by one, so that little is lost when one of the requests fails.
const PAGE_OF_SINGLE_READS: u64 = 50;

/// One list of the REST API.
#[derive(Debug, Clone)]
pub(super) struct List<'a> {
    pub(super) stream: Stream,
    /// Path below `/rest`.
    pub(super) path: Vec<&'a str>,
    pub(super) right: Right,
    /// The sort keys in filters.
    pub(super) names: KeyNames,
    pub(super) fields: &'static str,
}

/// The list behind a stream; `None` for subscribers without a list of the merchant's.
pub(super) fn list_of(stream: Stream, subscribers: Option<&[String]>) -> Option<List<'_>> {
    let list = |path: Vec<&'static str>, right, names, fields| List { stream, path, right, names, fields };
    let of_entities = KeyNames { id: "entity_id", changed: "updated_at" };
    match stream {
        Stream::Customers => {
            Some(list(vec![VERSION, "customers", "search"], Right::Customers, of_entities, wire::CUSTOMER_FIELDS))
        }
        Stream::Orders => Some(list(vec![VERSION, "orders"], Right::Orders, of_entities, wire::ORDER_FIELDS)),
        Stream::Subscribers => Some(List {
            stream,
            path: subscribers?.iter().map(String::as_str).collect(),
            right: Right::Subscribers,
            names: KeyNames { id: "subscriber_id", changed: "change_status_at" },
            fields: wire::SUBSCRIBER_FIELDS,
        }),
    }
}

/// Pages of a stream, see [`Connector::pages`](crate::connectors::Connector::pages).
pub(super) fn pages(
    store: &Magento,
    stream: Stream,
    pass: Pass,
    resume: Option<Checkpoint>,
) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
    let Some(list) = list_of(stream, store.subscribers()) else { return futures::stream::empty().boxed() };
    Box::pin(try_stream! {
        let mut position = match Position::resumed(resume).or_else(|| Position::since(&pass)) {
            Some(position) => position,
            None => Position::everything(newest_change(store, &list).await?),
        };
        while let Some(page) = next(store, &list, &mut position).await? {
            yield page;
        }
    })
}

/// Time of the newest change, by the shop's clock, but not after ours: a row stamped in the future would hide all that
/// comes before it.
async fn newest_change(store: &Magento, list: &List<'_>) -> Result<Option<DateTime<Utc>>, ConnectorError> {
    let now = store.client.clock().now();
    let search = Search::default().sorted_by(list.names.changed, "DESC").sorted_by(list.names.id, "DESC");
    let listing = store.client.list(&list.path, list.right, &search, 1, list.names.changed).await?;
    let changes = listing.rows.iter().filter_map(|row| wire::keys(list.stream, row).changed);
    Ok(changes.max().map(|newest| newest.min(now)))
}

/// The next page; `None` when the pass is over.
async fn next(store: &Magento, list: &List<'_>, position: &mut Position) -> Result<Option<PeoplePage>, ConnectorError> {
    let Some((walk, most)) = position.walk() else { return Ok(None) };
    let search = chosen(store, list, walk.search(list.names), position.is_full()).await?;
    let most = if list.stream == Stream::Customers && store.reads_singly().await? {
        most.min(PAGE_OF_SINGLE_READS)
    } else {
        most
    };
    let Listing { rows, total, size } = store.client.list(&list.path, list.right, &search, most, list.fields).await?;
    let keys: Vec<_> = rows.iter().map(|row| wire::keys(list.stream, row)).collect();
    // The page counts only once its rows have been looked at: until then the position stays where it was.
    let mut after = position.clone();
    let turn = after.take(list.stream, Window { size, keys: &keys, total }, store.client.clock().now())?;
    let is_fresh = |index: &usize| turn.fresh.binary_search(index).is_ok();
    let fresh = rows.into_iter().enumerate().filter_map(|(index, row)| is_fresh(&index).then_some(row)).collect();
    let (records, is_all) = records(store, list.stream, fresh).await?;
    if !is_all {
        after.note_others();
    }
    *position = after;
    Ok(Some(PeoplePage {
        records,
        resume_from: position.checkpoint(),
        watermark: position.watermark(),
        total: position.total(),
        as_of: None,
        hides_some: false,
    }))
}

/// The search within the chosen store views, and within what a full pass needs of a list.
async fn chosen(store: &Magento, list: &List<'_>, search: Search, is_full: bool) -> Result<Search, ConnectorError> {
    let search = match (list.stream, is_full) {
        // An incremental pass asks for all orders: one that was a guest's and is an account's now has to be seen.
        (Stream::Orders, true) => search.any_of(&[("customer_id", "null", "1".to_owned())]),
        _ => search,
    };
    let Some(ids) = store.chosen(list.stream).await? else { return Ok(search) };
    let field = if list.stream == Stream::Customers { "website_id" } else { "store_id" };
    let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
    Ok(search.any_of(&[(field, "in", ids.join(","))]))
}

/// One row of the merchant's list of subscribers.
pub(super) async fn one_subscriber(store: &Magento, id: u64) -> Result<Option<Value>, ConnectorError> {
    let Some(list) = list_of(Stream::Subscribers, store.subscribers()) else { return Ok(None) };
    let search = Search::default().any_of(&[(list.names.id, "eq", id.to_string())]).sorted_by(list.names.id, "ASC");
    let listing = store.client.list(&list.path, list.right, &search, 1, list.fields).await?;
    Ok(listing.rows.into_iter().find(|row| wire::keys(list.stream, row).id == Some(id)))
}

/// The records of the chosen store views, and whether those are all.
async fn records(
    store: &Magento,
    stream: Stream,
    rows: Vec<Value>,
) -> Result<(Vec<StoreRecord>, bool), ConnectorError> {
    let rows = match stream {
        Stream::Customers => confirm::confirmed(store, rows).await?,
        Stream::Orders | Stream::Subscribers => rows,
    };
    // The shop's filter says who is chosen, unless it was ignored.
    let chosen = store.chosen(stream).await?;
    let is_chosen = |row: &&Value| wire::is_of(stream, row, chosen.as_ref());
    let records: Vec<StoreRecord> = rows.iter().filter(is_chosen).map(|row| wire::record(stream, row)).collect();
    let is_all = records.len() == rows.len();
    Ok((records, is_all))
}
