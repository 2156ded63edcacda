//! The list of a site's orders: only `data`, newest first unless asked otherwise (`vendors/sfcc.md` section 5).

use std::collections::HashMap;

use chrono::DateTime;
use serde_json::{Value, json};

use super::page::{CAP, Date, LARGEST, Wanted, seconds};
use super::problem::Problem;
use super::{Instance, SITE, documents};
use crate::sandbox::records::Order;
use crate::sandbox::server::Answer;

/// Records of a page if the request does not say.
const DEFAULT_LIMIT: u64 = 100;
/// Parameters of `getOrders` that are simulated.
const KNOWN: &[&str] = &[
    "siteId",
    "sortBy",
    "sortOrder",
    "creationDateFrom",
    "creationDateTo",
    "lastModifiedDateFrom",
    "lastModifiedDateTo",
    "limit",
    "offset",
];

/// The query of a request.
struct Params(HashMap<String, String>);

impl Params {
    fn read(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn site(&self) -> Result<(), Problem> {
        match self.get("siteId") {
            None => Err(Problem::bad_request("The parameter siteId is missing.")),
            Some(SITE) => Ok(()),
            Some(other) => Err(Problem::no_such_site(other)),
        }
    }

    fn number(&self, name: &str, default: u64) -> Result<u64, Problem> {
        let bad = || Problem::bad_request(format!("The parameter {name} is not a number."));
        self.get(name).map_or(Ok(default), |text| text.parse().map_err(|_| bad()))
    }

    fn word<'a>(&'a self, name: &str, default: &'a str, words: &[&str]) -> Result<&'a str, Problem> {
        let word = self.get(name).unwrap_or(default);
        let bad = || Problem::bad_request(format!("The parameter {name} has an unknown value."));
        words.contains(&word).then_some(word).ok_or_else(bad)
    }

    /// `From` belongs to the range, `To` does not (`vendors/sfcc.md` section 5).
    fn range(&self, from: &str, to: &str) -> Result<Option<std::ops::Range<i64>>, Problem> {
        let millis = |name: &str| {
            let bad = || Problem::bad_request(format!("The parameter {name} is not a date-time."));
            let text = self.get(name);
            text.map(|text| DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis()).map_err(|_| bad()))
                .transpose()
        };
        let (from, to) = (millis(from)?, millis(to)?);
        Ok((from.is_some() || to.is_some()).then(|| seconds(from, to)))
    }
}

impl Instance {
    pub(super) fn orders(&self, query: &str) -> Result<Answer, Problem> {
        let params = Params::read(query);
        if let Some(unknown) = params.0.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Problem::bad_request(format!("{unknown} parameters are not defined.")));
        }
        params.site()?;
        let (limit, offset) = (params.number("limit", DEFAULT_LIMIT)?, params.number("offset", 0)?);
        if !(1..=LARGEST).contains(&limit) || offset.saturating_add(limit) > CAP {
            return Err(Problem::bad_request("The sum of offset and limit must not exceed 10000."));
        }
        let by_change = params.word("sortBy", "creation_date", &["creation_date", "last_modified_date"])?;
        let created = params.range("creationDateFrom", "creationDateTo")?.map(|range| (Date::Created, range));
        let modified = params.range("lastModifiedDateFrom", "lastModifiedDateTo")?.map(|range| (Date::Modified, range));
        let wanted = Wanted {
            within: created.into_iter().chain(modified).collect(),
            sort: if by_change == "last_modified_date" { Date::Modified } else { Date::Created },
            descending: params.word("sortOrder", "desc", &["asc", "desc"])? == "desc",
            offset,
            limit,
        };
        let (orders, _) = wanted.cut::<Order>(&self.shared.state());
        let has_attribute = self.shared.options.sfcc.order_attribute;
        let data: Vec<Value> = orders.iter().map(|order| documents::order(order, has_attribute)).collect();
        Ok(Answer::json(200, &json!({ "data": data })))
    }

    pub(super) fn order(&self, number: &str, query: &str) -> Result<Answer, Problem> {
        Params::read(query).site()?;
        let order = documents::numbered(number).and_then(|id| self.shared.state().find::<Order>(id));
        let order = order.ok_or_else(|| Problem::no_such_order(number))?;
        Ok(Answer::json(200, &documents::order(&order, self.shared.options.sfcc.order_attribute)))
    }
}
