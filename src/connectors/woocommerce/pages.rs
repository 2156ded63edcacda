//! The two streams as pages.
//!
//! Both lists are read in the order of their ids, by offset, see [`walk`](super::walk). Ids are unique and do not move,
//! which cannot be said of the other orders: names and times are shared, `LIMIT` over equal keys repeats and leaves
//! out rows, and on shops that keep orders as posts `orderby=modified` sorts by local time, which runs backwards for an
//! hour every autumn. What changed is asked for by filter (`modified_after`), so that no order of the rows is needed.
//!
//! **Customers** are read role by role: who has two of the roles is read twice. They have no such filter
//! (`modified_after` is ignored without an error), and neither `date_modified` nor a webhook moves when only an opt-in
//! in the meta data changes. Every pass reads them all; the engine finds out who did not change.
//!
//! **Orders** of an incremental pass are those changed after the watermark. The watermark is the newest change that
//! the shop showed *before* the pass began, by the shop's clock: whatever changes while we read is later than that,
//! hence in the next pass. It is held back until the last page.

use async_stream::try_stream;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::WooCommerce;
use super::client::{Listing, Resource, resource};
use super::walk::{Cursor, Short, Turn, Walk, Window};
use super::wire;
use crate::connectors::{Checkpoint, ConnectorError, Pass, PeoplePage, Total, Watermark};
use crate::domain::people::{StoreRecord, Stream};

/// How far an incremental pass reaches back before its watermark. `modified_after` is strict and whole seconds, and
/// a change is stamped before it is committed: a slow checkout may show up a minute late.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);
/// Requests in a row that may bring nothing new before a list is taken to be broken.
const MAX_IDLE_REQUESTS: u32 = 1000;

/// Content of a [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    #[serde(flatten)]
    cursor: Cursor,
    /// The roles whose users are still to be read, the present one first; none for orders.
    roles: Vec<String>,
    /// Lower bound of an incremental pass.
    changed_after: Option<DateTime<Utc>>,
    /// Newest change before the pass began.
    newest: Option<DateTime<Utc>>,
}

/// Content of a [`Watermark`] of orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Newest {
    modified: DateTime<Utc>,
}

/// Pages of a stream, see [`Connector::pages`](crate::connectors::Connector::pages).
///
/// A checkpoint or watermark that is not ours begins from the start, which repeats and never leaves out.
pub(super) fn pages(
    store: &WooCommerce,
    stream: Stream,
    pass: Pass,
    resume: Option<Checkpoint>,
) -> BoxStream<'_, Result<PeoplePage, ConnectorError>> {
    let Some(resource) = resource(stream) else { return futures::stream::empty().boxed() };
    let resume: Option<Position> = resume.and_then(|checkpoint| serde_json::from_value(checkpoint.0).ok());
    Box::pin(try_stream! {
        let mut position = match resume {
            Some(position) => position,
            None => begin(store, stream, &pass).await?,
        };
        let tells_total = stream != Stream::Customers || store.roles.len() <= 1;
        // Who is missing from a list that hides nobody is found by its count: the engine looks for them in a full pass.
        let total = if resource.may_hide { Total::About } else { Total::Exact };
        // A shop that hides a record for good is still read in between; who hides for a moment is shown by the next pass.
        let short = if resource.may_hide || tells_total { Short::Borne } else { Short::Refused };
        let mut walk = Walk::new(position.cursor, short);
        let mut idle = 0;
        loop {
            let (listing, turn) = next(store, resource, &position, &mut walk).await?;
            position.cursor = walk.cursor();
            let is_last = turn.done && position.roles.len() <= 1;
            if turn.done && !is_last {
                position.roles.remove(0);
                position.cursor = Cursor::default();
                walk = Walk::new(position.cursor, short);
            }
            if turn.fresh.is_empty() && !turn.done {
                idle += 1;
                if idle > MAX_IDLE_REQUESTS {
                    Err(ConnectorError::BadAnswer { what: "a list that comes to an end" })?;
                }
                continue;
            }
            idle = 0;
            yield PeoplePage {
                records: decode(store, stream, &listing.rows, &turn),
                resume_from: Checkpoint(as_json(&position)),
                watermark: is_last.then(|| watermark(stream, &pass, &position)).flatten(),
                // Of several roles nobody knows how many users have more than one.
                total: listing
                    .total
                    .filter(|_| tells_total && (!listing.rows.is_empty() || position.cursor.offset == 0))
                    .map(total),
                as_of: None,
                hides_some: false,
            };
            if is_last {
                break;
            }
        }
    })
}

async fn begin(store: &WooCommerce, stream: Stream, pass: &Pass) -> Result<Position, ConnectorError> {
    let changed_after = match (stream, pass.watermark()) {
        (Stream::Orders, Some(Watermark(value))) => {
            let newest = serde_json::from_value::<Newest>(value.clone()).ok();
            newest.and_then(|newest| newest.modified.checked_sub_signed(OVERLAP))
        }
        _ => None,
    };
    let (newest, roles) = match stream {
        Stream::Orders => (newest_change(store).await?, Vec::new()),
        Stream::Customers | Stream::Subscribers => (None, store.roles.clone()),
    };
    Ok(Position { cursor: Cursor::default(), roles, changed_after, newest })
}

/// Time of the newest change of an order, by the shop's clock, but not after ours: an order stamped in the future
/// would hide all that comes before it.
async fn newest_change(store: &WooCommerce) -> Result<Option<DateTime<Utc>>, ConnectorError> {
    let Some(resource) = resource(Stream::Orders) else { return Ok(None) };
    let now = store.client.clock().now();
    let query = [("orderby", "modified"), ("order", "desc"), ("per_page", "1"), ("_fields", "id,date_modified_gmt")];
    let listing = store.client.list(resource, &query.map(|(name, value)| (name, value.to_owned()))).await?;
    Ok(listing.rows.iter().filter_map(wire::modified).max().map(|newest| newest.min(now)))
}

async fn next(
    store: &WooCommerce,
    resource: Resource,
    position: &Position,
    walk: &mut Walk,
) -> Result<(Listing, Turn), ConnectorError> {
    let size = store.client.page_size();
    let mut query = vec![
        ("orderby", "id".to_owned()),
        ("order", "asc".to_owned()),
        ("per_page", size.to_string()),
        ("offset", walk.cursor().offset.to_string()),
        ("_fields", resource.fields.to_owned()),
    ];
    query.extend(position.roles.first().map(|role| ("role", role.clone())));
    if let Some(after) = position.changed_after {
        // Without a `Z`: with one, shops that keep orders as posts shift the time twice and leave rows out.
        query.push(("modified_after", after.format(wire::TIME_FORMAT).to_string()));
        query.push(("dates_are_gmt", "true".to_owned()));
    }
    let listing = store.client.list(resource, &query).await?;
    let ids: Vec<Option<u64>> = listing.rows.iter().map(wire::id).collect();
    let turn = walk.take(Window { size, ids: &ids, total: listing.total })?;
    Ok((listing, turn))
}

fn decode(store: &WooCommerce, stream: Stream, rows: &[Value], turn: &Turn) -> Vec<StoreRecord> {
    turn.fresh.iter().filter_map(|index| rows.get(*index)).map(|row| store.decode(stream, row)).collect()
}

fn watermark(stream: Stream, pass: &Pass, position: &Position) -> Option<Watermark> {
    match (stream, position.newest, pass.watermark()) {
        (Stream::Orders, Some(modified), _) => Some(Watermark(as_json(&Newest { modified }))),
        // A shop whose orders are all gone: what we had is still right.
        (Stream::Orders, None, before) => before.cloned(),
        (Stream::Customers | Stream::Subscribers, _, _) => Some(Watermark::of_nothing()),
    }
}

fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("numbers and times have a JSON form")
}
