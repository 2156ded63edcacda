//! Customer search: the part of the query language that reads everybody, a range of dates, and some numbers.
//!
//! Source: `vendors/sfcc.md` section 4 and the specification of the Customers API. What is not understood is refused,
//! never ignored.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{CAP, Date, LARGEST, Wanted, seconds};
use super::problem::Problem;
use super::{Instance, SearchableDates, documents};
use crate::sandbox::Target;
use crate::sandbox::records::Account;
use crate::sandbox::server::Answer;

/// Fields that the specification lists as searchable.
const LISTED: &[&str] = &[
    "customerNo",
    "firstName",
    "secondName",
    "lastName",
    "suffix",
    "salutation",
    "title",
    "fax",
    "phoneHome",
    "phoneBusiness",
    "phoneMobile",
    "email",
    "gender",
    "companyName",
    "credentials.login",
    "credentials.enabled",
];

/// `SearchRequest`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchRequest {
    query: Query,
    #[serde(default)]
    sorts: Vec<SortClause>,
    #[serde(default = "default_limit")]
    limit: u64,
    #[serde(default)]
    offset: u64,
}

/// Of the specification's queries those that are simulated: one key per object.
#[derive(Deserialize)]
enum Query {
    #[serde(rename = "matchAllQuery")]
    MatchAll(Nothing),
    #[serde(rename = "termQuery")]
    Term(TermQuery),
    #[serde(rename = "filteredQuery")]
    Filtered { query: Box<Query>, filter: Filter },
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermQuery {
    fields: Vec<String>,
    operator: String,
    #[serde(default)]
    values: Vec<Value>,
}

#[derive(Deserialize)]
enum Filter {
    #[serde(rename = "rangeFilter")]
    Range(RangeFilter),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RangeFilter {
    field: String,
    from: Option<String>,
    to: Option<String>,
    #[serde(default = "yes")]
    from_inclusive: bool,
    #[serde(default = "yes")]
    to_inclusive: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SortClause {
    field: String,
    #[serde(default)]
    sort_order: Direction,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    Asc,
    Desc,
}

const fn default_limit() -> u64 {
    25
}

/// Ranges include both ends by default (`vendors/sfcc.md` section 4).
const fn yes() -> bool {
    true
}

impl Instance {
    pub(super) fn search(&self, body: &[u8]) -> Result<Answer, Problem> {
        let asked: Value = serde_json::from_slice(body).map_err(|_| Problem::bad_request("The body is not JSON."))?;
        let request: SearchRequest = serde_json::from_value(asked.clone())
            .map_err(|error| Problem::bad_request(format!("The body is not understood: {error}.")))?;
        let SearchRequest { query, sorts, limit, offset } = request;
        if !(1..=LARGEST).contains(&limit) {
            return Err(Problem::bad_request("The limit must be between 1 and 200."));
        }
        if offset + limit > CAP {
            return Err(Problem::bad_request("The sum of offset and limit must not exceed 10000."));
        }
        let (accounts, total) = match query {
            Query::Term(term) => {
                let accounts = self.with_numbers(&term)?;
                let total = accounts.len() as u64;
                let window = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                (accounts.into_iter().skip(window(offset)).take(window(limit)).collect(), total)
            }
            query => {
                let mut within = Vec::new();
                self.read_ranges(query, &mut within)?;
                let (sort, descending) = self.sort(&sorts)?;
                Wanted { within, sort, descending, offset, limit }.cut(&self.shared.state())
            }
        };
        Ok(self.found(&asked, &accounts, total, limit, offset))
    }

    /// `CustomerSearchResult`.
    fn found(&self, asked: &Value, accounts: &[Account], total: u64, limit: u64, offset: u64) -> Answer {
        let has_attribute = self.shared.options.sfcc.attribute;
        let hit = |account| json!({ "data": documents::customer(account, has_attribute), "relevance": 1.0 });
        let hits: Vec<Value> = accounts.iter().map(hit).collect();
        let mut body =
            json!({ "hits": hits, "limit": limit, "offset": offset, "query": asked["query"], "total": total });
        if let Some(sorts) = asked.get("sorts") {
            body["sorts"] = sorts.clone();
        }
        let numbers = accounts.iter().map(|account| account.id).collect();
        Answer::json(200, &body).with_listed(Target::Customers, numbers)
    }

    fn read_ranges(&self, query: Query, within: &mut Vec<(Date, std::ops::Range<i64>)>) -> Result<(), Problem> {
        match query {
            Query::MatchAll(Nothing {}) => Ok(()),
            Query::Filtered { query, filter: Filter::Range(range) } => {
                within.push((self.date(&range.field)?, range.seconds()?));
                self.read_ranges(*query, within)
            }
            Query::Term(_) => Err(Problem::bad_request("This query is not simulated within a filter.")),
        }
    }

    fn sort(&self, sorts: &[SortClause]) -> Result<(Date, bool), Problem> {
        match sorts {
            [] => Ok((Date::Created, false)),
            // Numbers count up as profiles are made.
            [SortClause { field, sort_order }] if field == "customerNo" => {
                Ok((Date::Created, *sort_order == Direction::Desc))
            }
            [SortClause { field, sort_order }] => Ok((self.date(field)?, *sort_order == Direction::Desc)),
            _ => Err(Problem::bad_request("More than one sort is not simulated.")),
        }
    }

    /// The date that a search field means: the specification lists none, so it depends (`vendors/sfcc.md` section 4).
    fn date(&self, field: &str) -> Result<Date, Problem> {
        match (field, self.shared.options.sfcc.searchable_dates) {
            ("creationDate", SearchableDates::All | SearchableDates::CreationOnly) => Ok(Date::Created),
            ("lastModified", SearchableDates::All) => Ok(Date::Modified),
            (field, _) if LISTED.contains(&field) => {
                Err(Problem::bad_request(format!("A range or sort of '{field}' is not simulated.")))
            }
            (field, _) => Err(Problem::bad_request(format!("The search field '{field}' is not searchable."))),
        }
    }

    /// Profiles by their number.
    fn with_numbers(&self, term: &TermQuery) -> Result<Vec<Account>, Problem> {
        let fits = matches!((term.operator.as_str(), term.values.len()), ("is", 1) | ("one_of", 1..));
        if term.fields != ["customerNo"] || !fits {
            return Err(Problem::bad_request("This term query is not simulated."));
        }
        let state = self.shared.state();
        let numbers = term.values.iter().filter_map(|value| documents::numbered(value.as_str()?));
        Ok(numbers.filter_map(|number| state.find(number)).collect())
    }
}

impl RangeFilter {
    fn seconds(&self) -> Result<std::ops::Range<i64>, Problem> {
        let millis = |text: &String| {
            DateTime::parse_from_rfc3339(text)
                .map(|time| time.timestamp_millis())
                .map_err(|_| Problem::bad_request("A range of dates takes date-times."))
        };
        if self.from.is_none() && self.to.is_none() {
            return Err(Problem::bad_request("A range can't be open at both ends."));
        }
        let from = self.from.as_ref().map(millis).transpose()?;
        let to = self.to.as_ref().map(millis).transpose()?;
        let from = from.map(|from| if self.from_inclusive { from } else { from.saturating_add(1) });
        let to = to.map(|to| if self.to_inclusive { to.saturating_add(1) } else { to });
        Ok(seconds(from, to))
    }
}
