//! The search terms of `query`, as far as a sync uses them (`vendors/shopify.md` section 3).

use std::ops::Range;

use chrono::{NaiveDate, NaiveDateTime};

use crate::sandbox::records::Second;

const DAY: Second = 86_400;

/// What rows must fulfil. Unknown filter names do not fail a query: rows come unfiltered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    /// Seconds of the last change.
    pub(super) updated: Range<Second>,
    /// Seconds of creation.
    pub(super) created: Range<Second>,
    pub(super) ids: Range<u64>,
    /// Part of the address, folded; tokenised like the vendor's, so that others may match.
    pub(super) email: Option<String>,
}

/// An empty value gave an internal error (`vendors/shopify.md` section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EmptyValue;

impl Search {
    pub(super) const ALL: Self =
        Self { updated: Second::MIN..Second::MAX, created: Second::MIN..Second::MAX, ids: 0..u64::MAX, email: None };

    /// Reads `query`; `whole_days` widens `updated_at` to days, as the schema's text says for customers.
    pub(super) fn parse(query: &str, whole_days: bool) -> Result<Self, EmptyValue> {
        let mut search = Self::ALL;
        for term in terms(query) {
            let Some((name, condition)) = term.split_once(':') else { continue };
            let (operator, value) = operator(condition);
            let value = value.trim_matches(['\'', '"']);
            if value.is_empty() {
                return Err(EmptyValue);
            }
            match name {
                "updated_at" => narrow(&mut search.updated, operator, times(value, whole_days)),
                "created_at" | "customer_date" => narrow(&mut search.created, operator, times(value, whole_days)),
                "id" => narrow_ids(&mut search.ids, operator, value),
                "email" => search.email = Some(value.to_lowercase()),
                _ => {}
            }
        }
        Ok(search)
    }
}

/// Splits at white space and `AND`, but not within quotes.
fn terms(query: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut quote = None;
    for c in query.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        if quote.is_none() && c.is_whitespace() {
            terms.push(String::new());
        } else if let Some(term) = terms.last_mut() {
            term.push(c);
        }
    }
    terms.retain(|term| !term.is_empty() && !term.eq_ignore_ascii_case("and"));
    // An unquoted colon in the value breaks the term: what is left of it says nothing we know.
    terms.retain(|term| term.contains(['\'', '"']) || term.matches(':').count() == 1);
    terms
}

fn operator(condition: &str) -> (&'static str, &str) {
    [">=", "<=", ">", "<"]
        .into_iter()
        .find_map(|operator| Some((operator, condition.strip_prefix(operator)?)))
        .unwrap_or(("=", condition))
}

/// The seconds that a value stands for; an offset is ignored (airbyte 19492): the wall clock counts as UTC.
fn times(value: &str, whole_days: bool) -> Option<Range<Second>> {
    let day = || NaiveDate::parse_from_str(value.get(..10)?, "%Y-%m-%d").ok();
    let midnight = day()?.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
    if value.len() == 10 || whole_days {
        return Some(midnight..midnight + DAY);
    }
    let wall = NaiveDateTime::parse_from_str(value.get(..19)?, "%Y-%m-%dT%H:%M:%S").ok()?;
    let second = wall.and_utc().timestamp();
    Some(second..second + 1)
}

/// `>` behaves like `>=` (`PostHog` 39687).
fn narrow(range: &mut Range<Second>, operator: &str, times: Option<Range<Second>>) {
    let Some(times) = times else { return };
    match operator {
        ">" | ">=" => range.start = range.start.max(times.start),
        "<" => range.end = range.end.min(times.start),
        "<=" => range.end = range.end.min(times.end),
        _ => *range = range.start.max(times.start)..range.end.min(times.end),
    }
}

fn narrow_ids(range: &mut Range<u64>, operator: &str, value: &str) {
    let Some(id) = value.rsplit('/').next().and_then(|id| id.parse::<u64>().ok()) else { return };
    match operator {
        ">" => range.start = range.start.max(id.saturating_add(1)),
        ">=" => range.start = range.start.max(id),
        "<" => range.end = range.end.min(id),
        "<=" => range.end = range.end.min(id.saturating_add(1)),
        _ => *range = range.start.max(id)..range.end.min(id.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Second = 1_790_856_000; // 2026-10-01T12:00:00Z

    fn updated(query: &str) -> Range<Second> {
        Search::parse(query, false).unwrap().updated
    }

    #[test]
    fn quoted_times_make_a_window() {
        let query = "updated_at:>='2026-10-01T12:00:00Z' AND updated_at:<\"2026-10-01T13:00:00Z\"";
        assert_eq!(updated(query), NOON..NOON + 3600);
    }

    #[test]
    fn what_the_vendor_gets_wrong_is_wrong_here() {
        assert_eq!(updated("updated_at:>2026-10-01T12:00:00Z"), Search::ALL.updated, "an unquoted colon");
        assert_eq!(updated("updated_at:>'2026-10-01T12:00:00-07:00'").start, NOON, "an offset");
        assert_eq!(Search::parse("updated_at:>", false), Err(EmptyValue));
        assert_eq!(Search::parse("colour:red", false), Ok(Search::ALL));
        let days = Search::parse("updated_at:>='2026-10-01T12:00:00Z'", true).unwrap();
        assert_eq!(days.updated.start, NOON - 12 * 3600, "whole days");
    }

    #[test]
    fn ids_are_numbers_or_global_ids() {
        assert_eq!(
            Search::parse("id:>5 id:<=gid://shopify/Customer/9", false).map(|search| search.ids),
            Ok(6..u64::MAX)
        );
        assert_eq!(Search::parse("id:>5 id:<='gid://shopify/Customer/9'", false).map(|search| search.ids), Ok(6..10));
    }
}
