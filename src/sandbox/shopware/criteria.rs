//! Search criteria: filters, page, limit and total, with the vendor's quirks (sheet, section 2).

use chrono::DateTime;
use serde_json::{Value, json};

use super::cells::{Cell, Columns, folded};
use super::refused;
use crate::sandbox::records::Second;
use crate::sandbox::server::Answer;

/// A condition on a row.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    /// Equal to one of these.
    Equals(String, Vec<Value>),
    /// Between bounds.
    Range(String, Vec<(Bound, Value)>),
    Prefix(String, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Above,
    From,
    UpTo,
    Below,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Criteria {
    pub(super) filters: Vec<Filter>,
    pub(super) ids: Option<Vec<String>>,
    sort: Vec<String>,
    pub(super) offset: u64,
    pub(super) limit: u64,
    total: TotalMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TotalMode {
    None,
    Exact,
    NextPages,
}

impl Criteria {
    pub(super) fn parse(body: &Value, max_limit: u64) -> Result<Self, Answer> {
        let given = body.get("limit").and_then(Value::as_u64);
        let limit = given.unwrap_or(max_limit);
        if limit > max_limit {
            let detail = format!("The limit must be lower than or equal to MAX_LIMIT(={max_limit}). Given: {limit}");
            let parameters = json!({ "maxLimit": max_limit, "limit": limit });
            return Err(refused(400, "FRAMEWORK__QUERY_LIMIT_EXCEEDED", "Bad Request", &detail, &parameters));
        }
        if limit == 0 {
            let detail = "The limit parameter must be a positive integer greater or equals than 1. Given: 0";
            return Err(refused(400, "FRAMEWORK__INVALID_LIMIT_QUERY", "Bad Request", detail, &json!({ "limit": 0 })));
        }
        let page = body.get("page").and_then(Value::as_u64).unwrap_or(1).max(1);
        // The offset is computed from the limit that was sent: without one every page is the first.
        let offset = (page - 1).saturating_mul(given.unwrap_or(0));
        let filters = body.get("filter").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let sort = body.get("sort").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            filters: filters.iter().map(Filter::parse).collect::<Result<_, _>>()?,
            ids: body.get("ids").and_then(Value::as_array).map(|ids| ids.iter().filter_map(text).collect()),
            sort: sort.iter().filter_map(|sort| text(sort.get("field")?)).collect(),
            offset,
            limit,
            total: match body.get("total-count-mode").and_then(Value::as_str) {
                Some("exact") => TotalMode::Exact,
                Some("next-pages") => TotalMode::NextPages,
                _ => TotalMode::None,
            },
        })
    }

    /// Whether the order is told by what is unique; else the database gives rows as it likes.
    pub(super) fn is_sorted(&self) -> bool {
        let sort: Vec<&str> = self.sort.iter().map(String::as_str).collect();
        matches!(sort.as_slice(), ["autoIncrement" | "id"] | ["createdAt", "id"])
    }

    /// The `total` of an answer with so many rows on the page.
    pub(super) fn total(&self, matches: u64, on_page: usize) -> u64 {
        match self.total {
            TotalMode::Exact => matches,
            TotalMode::NextPages => matches.min(5 * self.limit + 1),
            TotalMode::None => on_page as u64,
        }
    }
}

impl Filter {
    fn parse(value: &Value) -> Result<Self, Answer> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let field = || text("field").ok_or_else(|| bad("Parameter \"field\" is missing."));
        let queries = || -> Result<Vec<Self>, Answer> {
            let queries = value.get("queries").and_then(Value::as_array).ok_or_else(|| bad("No \"queries\"."))?;
            queries.iter().map(Self::parse).collect()
        };
        let joined = || -> Result<Self, Answer> {
            let queries = queries()?;
            Ok(if text("operator").is_some_and(|word| word.eq_ignore_ascii_case("or")) {
                Self::Any(queries)
            } else {
                Self::All(queries)
            })
        };
        match text("type").as_deref() {
            Some("multi") => joined(),
            Some("not") => Ok(Self::Not(Box::new(joined()?))),
            Some("equals") => Ok(Self::Equals(field()?, vec![value.get("value").cloned().unwrap_or_default()])),
            Some("equalsAny") => {
                let values = match value.get("value") {
                    Some(Value::String(joined)) => joined.split('|').map(Value::from).collect(),
                    Some(Value::Array(values)) if !values.is_empty() => values.clone(),
                    _ => return Err(bad("Parameter \"value\" for equalsAny filter is missing.")),
                };
                Ok(Self::Equals(field()?, values))
            }
            Some("prefix") => Ok(Self::Prefix(field()?, text("value").unwrap_or_default())),
            Some("range") => {
                let parameters = value.get("parameters").and_then(Value::as_object).into_iter().flatten();
                let bounds = parameters.filter_map(|(name, value)| {
                    let bound = match name.as_str() {
                        "gt" => Bound::Above,
                        "gte" => Bound::From,
                        "lte" => Bound::UpTo,
                        "lt" => Bound::Below,
                        _ => return None,
                    };
                    Some((bound, value.clone()))
                });
                Ok(Self::Range(field()?, bounds.collect()))
            }
            _ => Err(bad("The filter type is not supported.")),
        }
    }

    /// Whether a row fits; an unknown field is a 400.
    pub(super) fn fits(&self, row: &impl Columns) -> Result<bool, Answer> {
        let cell = |field: &str| row.cell(field).ok_or_else(|| unmapped(field));
        Ok(match self {
            Self::Any(filters) => {
                // All are looked at, so that an unknown field does not hide behind another.
                let fits = filters.iter().map(|filter| filter.fits(row)).collect::<Result<Vec<_>, _>>()?;
                fits.contains(&true)
            }
            Self::All(filters) => {
                let fits = filters.iter().map(|filter| filter.fits(row)).collect::<Result<Vec<_>, _>>()?;
                !fits.contains(&false)
            }
            Self::Not(filter) => !filter.fits(row)?,
            Self::Equals(field, values) => {
                let cell = cell(field)?;
                values.iter().any(|value| is_equal(&cell, value))
            }
            Self::Range(field, bounds) => {
                let cell = cell(field)?;
                bounds.iter().all(|(bound, value)| is_within(&cell, *bound, value))
            }
            Self::Prefix(field, prefix) => match cell(field)? {
                Cell::Text(text) | Cell::Address(text) => text.starts_with(prefix.as_str()),
                _ => false,
            },
        })
    }

    /// Whether only these fields are named.
    pub(super) fn names_only(&self, fields: &[&str]) -> bool {
        match self {
            Self::Any(filters) | Self::All(filters) => filters.iter().all(|filter| filter.names_only(fields)),
            Self::Not(filter) => filter.names_only(fields),
            Self::Equals(field, _) | Self::Range(field, _) | Self::Prefix(field, _) => fields.contains(&field.as_str()),
        }
    }
}

fn is_equal(cell: &Cell, value: &Value) -> bool {
    match (cell, value) {
        (Cell::Null, Value::Null) => true,
        (Cell::Flag(flag), Value::Bool(value)) => flag == value,
        (Cell::Number(number), value) => value.as_u64() == Some(*number),
        (Cell::Text(text), Value::String(value)) => text == value,
        (Cell::Address(address), Value::String(value)) => *address == folded(value),
        (Cell::Time(second), value) => time(value) == Some(*second),
        _ => false,
    }
}

/// Nothing lies before or after null.
fn is_within(cell: &Cell, bound: Bound, value: &Value) -> bool {
    let order = match cell {
        Cell::Number(number) => value.as_u64().map(|value| number.cmp(&value)),
        Cell::Time(second) => time(value).map(|value| second.cmp(&value)),
        _ => None,
    };
    order.is_some_and(|order| match bound {
        Bound::Above => order.is_gt(),
        Bound::From => order.is_ge(),
        Bound::UpTo => order.is_le(),
        Bound::Below => order.is_lt(),
    })
}

/// The second of a time; a fraction counts up, since the rows here have none.
pub(super) fn time(value: &Value) -> Option<Second> {
    let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    Some(time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0))
}

fn bad(detail: &str) -> Answer {
    refused(400, "FRAMEWORK__INVALID_FILTER_QUERY", "Bad Request", detail, &json!([]))
}

fn unmapped(field: &str) -> Answer {
    let detail = format!("Field \"{field}\" not found.");
    refused(400, "FRAMEWORK__UNMAPPED_FIELD", "Bad Request", &detail, &json!({ "field": field }))
}
