//! Which dates the customer search of a store knows.
//!
//! Neither specification lists one, a release note does, and the documents use other names than the older search did
//! (`vendors/sfcc.md` section 4). So each name is tried. A field counts only if it finds everybody and can tell dates
//! apart: one that is ignored, or that some profiles lack, would leave people out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::Client;
use crate::connectors::ConnectorError;

/// How often a count is repeated while the list changes under it.
const TRIES: u32 = 3;
/// Later than any date of a person.
const FAR: &str = "2200-01-01T00:00:00.000Z";

/// A date of a profile, by the name under which a search may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DateField {
    /// When it last changed, as documents call it.
    #[serde(rename = "lastModified")]
    LastModified,
    /// The same, as the older search calls it.
    #[serde(rename = "last_modified")]
    LastModifiedOld,
    /// When it was made, as documents call it.
    #[serde(rename = "creationDate")]
    Creation,
    /// The same, as the older search calls it.
    #[serde(rename = "creation_date")]
    CreationOld,
}

impl DateField {
    /// Names of the last change, in the order in which they are tried.
    const CHANGES: [Self; 2] = [Self::LastModified, Self::LastModifiedOld];
    /// Names of the creation, in the order in which they are tried.
    const CREATIONS: [Self; 2] = [Self::Creation, Self::CreationOld];

    /// The name in a search.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::LastModified => "lastModified",
            Self::LastModifiedOld => "last_modified",
            Self::Creation => "creationDate",
            Self::CreationOld => "creation_date",
        }
    }
}

/// What a store's search was found to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Searchable {
    /// A date of the last change.
    pub(super) change: Option<DateField>,
    /// A date of the creation. It never moves, so that it is the better one to read everybody by.
    pub(super) creation: Option<DateField>,
    /// How many profiles there are.
    pub(super) profiles: u64,
}

/// Finds out what the search knows, by reading one record at a time.
pub(super) async fn probe(client: &Client) -> Result<Searchable, ConnectorError> {
    let change = first_known(client, &DateField::CHANGES).await?;
    let creation = first_known(client, &DateField::CREATIONS).await?;
    Ok(Searchable { change, creation, profiles: count(client, None).await? })
}

async fn first_known(client: &Client, names: &[DateField]) -> Result<Option<DateField>, ConnectorError> {
    for field in names {
        if is_known(client, *field).await? {
            return Ok(Some(*field));
        }
    }
    Ok(None)
}

async fn is_known(client: &Client, field: DateField) -> Result<bool, ConnectorError> {
    let until_far = json!({ "field": field.name(), "to": FAR, "toInclusive": false });
    let from_far = json!({ "field": field.name(), "from": FAR });
    for _ in 0..TRIES {
        let everybody = count(client, None).await?;
        let found = match count(client, Some((field, until_far.clone()))).await {
            // The specification has one answer for what it does not know.
            Err(ConnectorError::Refused { status: 400 }) => return Ok(false),
            found => found?,
        };
        if found >= everybody {
            return Ok(everybody == 0 || count(client, Some((field, from_far))).await? == 0);
        }
    }
    Ok(false)
}

async fn count(client: &Client, filter: Option<(DateField, Value)>) -> Result<u64, ConnectorError> {
    let (sort, filter) = filter.map_or((None, None), |(field, filter)| (Some(field.name()), Some(filter)));
    Ok(client.search(&search(sort, filter, 0, 1)).await?.total)
}

/// Body of a search (`SearchRequest`), oldest or least first.
pub(super) fn search(sort: Option<&str>, range: Option<Value>, offset: u64, limit: u64) -> Value {
    let everybody = json!({ "matchAllQuery": {} });
    let query = match range {
        None => everybody,
        Some(range) => json!({ "filteredQuery": { "query": everybody, "filter": { "rangeFilter": range } } }),
    };
    let mut body = json!({ "query": query, "limit": limit, "offset": offset });
    if let Some(field) = sort {
        body["sorts"] = json!([{ "field": field, "sortOrder": "asc" }]);
    }
    body
}

/// A time as the platform writes it: UTC, milliseconds, `Z`.
pub(super) fn text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
