//! The three lists, with both kinds of pages.

use serde_json::{Value, json};

use super::Shop;
use super::fields;
use super::params::{Between, Params, Rejected, cursor, cursor_id};
use crate::sandbox::book::{ALL_KEYS, Key, Sort};
use crate::sandbox::faults::Target;
use crate::sandbox::names::normalized;
use crate::sandbox::records::{Account, Order, Record, Row};
use crate::sandbox::server::Answer;
use crate::sandbox::state::{Kept, State};

/// Records in the order of their ids, a part of them.
struct Cut<R> {
    records: Vec<R>,
    /// How many there are in all.
    total: u64,
    /// Whether more come behind.
    has_more: bool,
}

/// What is asked for of a list.
struct Wanted {
    modified: Between,
    /// Ids from this on.
    from_id: u64,
    offset: u64,
    limit: u64,
}

/// Without a filter by change only the records of the page are made; with one, all that changed then.
fn cut<R: Kept>(state: &State, wanted: &Wanted, fits: impl Fn(&R) -> bool, looks_at_each: bool) -> Cut<R> {
    let book = R::book(state);
    let from: Key = (0, wanted.from_id);
    if wanted.modified.is_open() && !looks_at_each {
        let listing = book.list(Sort::Id, from..ALL_KEYS.end, |_, _| true, |_| true);
        let records = state.slice(&listing, wanted.offset, wanted.limit);
        let total = listing.len();
        return Cut { records, total, has_more: wanted.offset + wanted.limit < total };
    }
    let listing = book.list(Sort::Modified, wanted.modified.keys(), |_, _| true, |_| true);
    let mut all = state.slice(&listing, 0, u64::MAX);
    all.retain(|record| record.id() >= wanted.from_id && fits(record));
    all.sort_by_key(Record::id);
    let total = all.len() as u64;
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let records = all.into_iter().skip(number(wanted.offset)).take(number(wanted.limit)).collect();
    Cut { records, total, has_more: wanted.offset + wanted.limit < total }
}

impl Shop {
    /// Sorted by id, whatever `sort` says beside a cursor: whether one honours it is not documented (section 3).
    pub(super) fn customers(&self, params: &Params) -> Result<Answer, Rejected> {
        let (limit, page) = (params.limit()?, params.page()?);
        let modified = params.between(["date_modified", "date_modified:min", "date_modified:max"])?;
        let created = params.between(["date_created", "date_created:min", "date_created:max"])?;
        let ids = params.numbers("id:in")?;
        let email = params.get("email:in").map(|list| list.split(',').filter_map(normalized).collect::<Vec<_>>());
        let after = params.get("after").filter(|after| !after.is_empty());
        let after = after.map(|after| cursor_id(after).ok_or_else(|| Rejected::new(422, "Invalid field(s): after")));
        let after = after.transpose()?;
        let by_number = after.is_none();
        let wanted = Wanted {
            modified,
            from_id: after.map_or(0, |id| id + 1),
            offset: if by_number { (page - 1).saturating_mul(limit) } else { 0 },
            limit,
        };
        let fits = |account: &Account| {
            created.has(account.created)
                && ids.as_ref().is_none_or(|ids| ids.contains(&account.id))
                && email.as_ref().is_none_or(|all| {
                    account.email.as_deref().and_then(normalized).is_some_and(|email| all.contains(&email))
                })
        };
        let state = self.shared.state();
        let found = cut(&state, &wanted, fits, !created.is_open() || ids.is_some() || email.is_some());
        let mut meta = json!({});
        if by_number {
            meta["pagination"] = numbers(params, found.records.len(), found.total, limit, page);
        }
        // With a page number above 1 there is no cursor, with a cursor no number (section 3).
        if page == 1 {
            meta["cursor_pagination"] = cursors(params, &found, limit);
        }
        let numbers = found.records.iter().map(|account| account.id).collect();
        let data: Vec<Value> = found.records.iter().map(fields::customer).collect();
        Ok(Answer::json(200, &json!({ "data": data, "meta": meta })).with_listed(Target::Customers, numbers))
    }

    /// Page numbers only, and no `sort` (section 4).
    pub(super) fn subscribers(&self, params: &Params) -> Result<Answer, Rejected> {
        let (limit, page) = (params.limit()?, params.page()?);
        let modified = params.between(["date_modified", "date_modified:min", "date_modified:max"])?;
        let created = params.between(["date_created", "date_created:min", "date_created:max"])?;
        let ids = params.numbers("id:in")?;
        let email = params.get("email").and_then(normalized);
        let wanted = Wanted { modified, from_id: 0, offset: (page - 1).saturating_mul(limit), limit };
        let fits = |row: &Row| {
            created.has(row.created)
                && ids.as_ref().is_none_or(|ids| ids.contains(&row.id))
                && (email.is_none() || row.email.as_deref().and_then(normalized) == email)
        };
        let state = self.shared.state();
        let found = cut(&state, &wanted, fits, !created.is_open() || ids.is_some() || email.is_some());
        let meta = json!({ "pagination": numbers(params, found.records.len(), found.total, limit, page) });
        let numbers = found.records.iter().map(|row| row.id).collect();
        let data: Vec<Value> = found.records.iter().map(fields::subscriber).collect();
        Ok(Answer::json(200, &json!({ "data": data, "meta": meta })).with_listed(Target::Subscribers, numbers))
    }

    /// A bare list, incomplete and archived ones included; past the end 204 without a body (section 5).
    pub(super) fn orders(&self, params: &Params) -> Result<Answer, Rejected> {
        let found = self.cut_orders(params, params.limit()?, params.page()?)?;
        if found.records.is_empty() {
            return Ok(Answer::text(204, "application/json", ""));
        }
        let data: Vec<Value> = found.records.iter().map(|order| fields::order(order, &self.shared.base_url)).collect();
        Ok(Answer::json(200, &data))
    }

    /// How many orders a filter finds, as `GET /v2/orders/count`.
    pub(super) fn count(&self, params: &Params) -> Result<Answer, Rejected> {
        let found = self.cut_orders(params, 1, 1)?;
        Ok(Answer::json(200, &json!({ "count": found.total })))
    }

    fn cut_orders(&self, params: &Params, limit: u64, page: u64) -> Result<Cut<Order>, Rejected> {
        match params.get("sort") {
            None | Some("id" | "id:asc") => {}
            Some(_) => return Err(Rejected::new(400, "The field 'sort' is not simulated but for id.")),
        }
        let modified = params.between(["", "min_date_modified", "max_date_modified"])?;
        let (last, status) = (params.number("max_id")?, params.number("status_id")?);
        let customer = params.number("customer_id")?;
        let wanted = Wanted {
            modified,
            from_id: params.number("min_id")?.unwrap_or_default(),
            offset: (page - 1).saturating_mul(limit),
            limit,
        };
        let fits = |order: &Order| {
            last.is_none_or(|last| order.id <= last)
                && status.is_none_or(|status| fields::status(order.status).0 == status)
                && customer.is_none_or(|customer| order.account.unwrap_or_default() == customer)
        };
        let state = self.shared.state();
        Ok(cut(&state, &wanted, fits, last.is_some() || status.is_some() || customer.is_some()))
    }
}

/// `meta.pagination`.
pub(super) fn numbers(params: &Params, count: usize, total: u64, limit: u64, page: u64) -> Value {
    let pages = total.div_ceil(limit);
    let mut links = json!({ "current": params.link("page", &page.to_string()) });
    if page < pages {
        links["next"] = params.link("page", &(page + 1).to_string()).into();
    }
    if page > 1 {
        links["previous"] = params.link("page", &(page - 1).to_string()).into();
    }
    json!({ "total": total, "count": count, "per_page": limit, "current_page": page, "total_pages": pages,
        "links": links })
}

/// `meta.cursor_pagination`.
fn cursors(params: &Params, found: &Cut<Account>, limit: u64) -> Value {
    let mut block = json!({ "count": found.records.len(), "per_page": limit, "links": {} });
    if let (Some(first), Some(last)) = (found.records.first(), found.records.last()) {
        block["start_cursor"] = cursor(first.id).into();
        block["end_cursor"] = cursor(last.id).into();
        if found.has_more {
            block["links"]["next"] = params.link("after", &cursor(last.id)).into();
        }
    }
    block
}
