//! Query parameters as both versions of the API read them, and their two ways to refuse a request.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::{Value, json};

use crate::sandbox::book::{ALL_KEYS, Key};
use crate::sandbox::records::Second;
use crate::sandbox::server::Answer;

/// Most records at once; more gives 413 (`vendors/bigcommerce.md` section 3).
const MAX_LIMIT: u64 = 250;
const DEFAULT_LIMIT: u64 = 50;

/// Which version of the API a path belongs to; they differ in their errors (`vendors/bigcommerce.md` section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V2,
    V3,
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Rejected {
    pub(super) fn new(status: u16, message: &str) -> Self {
        Self { status, message: message.to_owned() }
    }

    fn invalid(name: &str) -> Self {
        Self::new(422, &format!("Invalid field(s): {name}"))
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "The requested resource was not found.")
    }

    /// An object in V3, a list of them in V2.
    pub(super) fn answer(&self, version: Version) -> Answer {
        let body = match version {
            Version::V2 => json!([{ "status": self.status, "message": self.message }]),
            Version::V3 => json!({
                "status": self.status,
                "title": self.message,
                "type": "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes",
                "errors": {},
            }),
        };
        Answer::json(self.status, &body)
    }
}

/// The query of a request.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Rejected> {
        self.get(name).map(|text| text.parse().map_err(|_| Rejected::invalid(name))).transpose()
    }

    /// Numbers separated by commas.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<Vec<u64>>, Rejected> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let numbers: Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
        numbers.map(Some).map_err(|_| Rejected::invalid(name))
    }

    pub(super) fn limit(&self) -> Result<u64, Rejected> {
        match self.number("limit")?.unwrap_or(DEFAULT_LIMIT) {
            0 => Err(Rejected::invalid("limit")),
            limit if limit > MAX_LIMIT => Err(Rejected::new(413, "Request Entity Too Large")),
            limit => Ok(limit),
        }
    }

    /// Counts from 1.
    pub(super) fn page(&self) -> Result<u64, Rejected> {
        match self.number("page")? {
            Some(0) => Err(Rejected::invalid("page")),
            page => Ok(page.unwrap_or(1)),
        }
    }

    /// The seconds between which a date has to lie, both included.
    ///
    /// In V3 a bare name means *equal*, and `:min` and `:max` are the bounds (`vendors/bigcommerce.md` section 4).
    pub(super) fn between(&self, names: [&str; 3]) -> Result<Between, Rejected> {
        let [equal, min, max] = names;
        let date =
            |name: &str| self.get(name).map(|text| second_of(text).ok_or_else(|| Rejected::invalid(name))).transpose();
        let equal = date(equal)?;
        Ok(Between { min: equal.or(date(min)?), max: equal.or(date(max)?) })
    }

    /// The same query with other parameters, for links.
    pub(super) fn link(&self, name: &str, value: &str) -> String {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(self.0.iter().filter(|(given, _)| !["page", "after"].contains(&given.as_str())));
        pairs.append_pair(name, value);
        format!("?{}", pairs.finish())
    }
}

/// Bounds of a date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    min: Option<Second>,
    max: Option<Second>,
}

impl Between {
    pub(super) const fn is_open(self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    pub(super) fn has(self, second: Second) -> bool {
        self.min.is_none_or(|min| second >= min) && self.max.is_none_or(|max| second <= max)
    }

    /// As keys of a listing by change.
    pub(super) fn keys(self) -> std::ops::Range<Key> {
        let start = self.min.map_or(ALL_KEYS.start, |min| (min, 0));
        let end = self.max.map_or(ALL_KEYS.end, |max| (max.saturating_add(1), 0));
        start..end.max(start)
    }
}

/// ISO 8601 with or without time and zone, which is UTC; or RFC 2822 (`vendors/bigcommerce.md` sections 3 and 5).
fn second_of(text: &str) -> Option<Second> {
    let zoned = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text));
    let local = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok();
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    zoned.ok().map(|time| time.timestamp()).or_else(|| Some(local().or_else(day)?.and_utc().timestamp()))
}

/// The number in a cursor, which is opaque to clients: base64 of `{"id":13}`, as in the examples of the sheet.
pub(super) fn cursor_id(cursor: &str) -> Option<u64> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.decode(cursor).ok()?;
    serde_json::from_slice::<Value>(&text).ok()?.get("id")?.as_u64()
}

/// The cursor of a record.
pub(super) fn cursor(id: u64) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(json!({ "id": id }).to_string())
}
