//! The two lists, with totals and links.

use std::ops::Range;

use url::form_urlencoded::Serializer;

use super::params::{Complaints, Dates, Params, Rejected};
use super::{Shop, fields};
use crate::sandbox::OrderStorage;
use crate::sandbox::book::{ALL_KEYS, Key, Listing, Sort};
use crate::sandbox::faults::Target;
use crate::sandbox::names::normalized;
use crate::sandbox::population::mix;
use crate::sandbox::records::{Account, Order, OrderStatus, Record, Second, Standing};
use crate::sandbox::server::Answer;

/// The words are the recorded error messages'.
const CUSTOMER_ORDERS: &[&str] = &["id", "include", "name", "registered_date"];
const ORDER_ORDERS: &[&str] = &["date", "id", "include", "title", "slug", "modified"];
const ROLES: &[&str] =
    &["all", "administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager"];
const STATUSES: &[&str] = &[
    "any",
    "trash",
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
];

/// Which slice of a list, and in which direction.
struct Slice {
    offset: u64,
    per_page: u64,
    descending: bool,
}

impl Slice {
    fn read(complaints: &mut Complaints, params: &Params, default_order: &'static str) -> Self {
        let per_page = complaints.integer(params, "per_page", 10, 1, Some(100));
        let page = complaints.integer(params, "page", 1, 1, None);
        let offset = complaints.integer(params, "offset", (page - 1).saturating_mul(per_page), 0, None);
        let descending = complaints.word(params, "order", default_order, &["asc", "desc"]) == "desc";
        Self { offset, per_page, descending }
    }

    fn cut<R: Record>(&self, listing: &Listing<'_, R>, build: impl Fn(u64, u64) -> Vec<R>) -> Vec<R> {
        let total = listing.len();
        let end = self.offset.saturating_add(self.per_page).min(total);
        let start = self.offset.min(end);
        if !self.descending {
            return build(start, end - start);
        }
        let mut records = build(total - end, end - start);
        records.reverse();
        records
    }

    fn cut_all<R: Clone>(&self, mut records: Vec<R>) -> Vec<R> {
        if self.descending {
            records.reverse();
        }
        let window = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        records.into_iter().skip(window(self.offset)).take(window(self.per_page)).collect()
    }
}

/// Which orders are asked for.
struct OrderFilter<'a> {
    storage: OrderStorage,
    statuses: Vec<&'a str>,
    customer: Option<u64>,
    modified_after: Option<Second>,
    modified_before: Option<Second>,
    after: Option<Second>,
    before: Option<Second>,
    search: Option<String>,
}

impl<'a> OrderFilter<'a> {
    fn read(complaints: &mut Complaints, params: &'a Params, dates: Dates) -> Self {
        Self {
            storage: dates.storage,
            statuses: complaints.words(params, "status", STATUSES),
            customer: params.get("customer").map(|_| complaints.integer(params, "customer", 0, 0, None)),
            modified_after: complaints.date(params, "modified_after", dates),
            modified_before: complaints.date(params, "modified_before", dates),
            after: complaints.date(params, "after", dates),
            before: complaints.date(params, "before", dates),
            search: params.get("search").map(str::to_lowercase),
        }
    }

    fn shows(&self, status: OrderStatus, by_account: bool) -> bool {
        is_shown(status, &self.statuses, self.storage) && (self.customer != Some(0) || !by_account)
    }

    /// Both bounds are strict (recorded: `orders_modified_after_exact_boundary`).
    fn keys(&self, sort: Sort) -> Range<Key> {
        if sort == Sort::Id {
            return ALL_KEYS;
        }
        let start = self.modified_after.map_or(ALL_KEYS.start, |second| (second.saturating_add(1), 0));
        let end = self.modified_before.map_or(ALL_KEYS.end, |second| (second, 0));
        start..end.max(start)
    }

    /// Whether status and keys tell which orders fit, so that none has to be looked at.
    fn is_told_by(&self, sort: Sort) -> bool {
        let window = sort == Sort::Modified || (self.modified_after.is_none() && self.modified_before.is_none());
        let rest = self.after.is_none() && self.before.is_none() && self.search.is_none();
        window && rest && self.customer.is_none_or(|id| id == 0)
    }

    fn fits(&self, order: &Order) -> bool {
        let email = order.email.as_deref().unwrap_or_default().to_lowercase();
        self.modified_after.is_none_or(|second| order.modified > second)
            && self.modified_before.is_none_or(|second| order.modified < second)
            && self.after.is_none_or(|second| order.created > second)
            && self.before.is_none_or(|second| order.created < second)
            && self.customer.is_none_or(|id| order.account.unwrap_or_default() == id)
            && self.search.as_ref().is_none_or(|search| email.contains(search.as_str()))
    }
}

impl Shop {
    pub(super) fn customers(&self, params: &Params) -> Result<Answer, Rejected> {
        let mut complaints = Complaints::default();
        let slice = Slice::read(&mut complaints, params, "asc");
        // By default sorted by display name, which is not unique (recorded); of customers there is no date filter.
        let order_by = complaints.word(params, "orderby", "name", CUSTOMER_ORDERS);
        let role = complaints.word(params, "role", "customer", ROLES);
        let email = complaints.address(params, "email");
        complaints.settle()?;
        let state = self.shared.state();
        let fits_part = |person, part: usize| has_role(state.population.part(person).accounts[part].standing, role);
        let listing = state.accounts.list(Sort::Id, ALL_KEYS, fits_part, |account| has_role(account.standing, role));
        let (include, search) = (ids(params, "include"), params.get("search").map(str::to_lowercase));
        let (accounts, total) = if email.is_some() || include.is_some() || search.is_some() || order_by == "name" {
            let mut all: Vec<Account> = match &include {
                Some(ids) => {
                    let found = ids.iter().filter_map(|id| state.find::<Account>(*id));
                    found.filter(|account| has_role(account.standing, role)).collect()
                }
                None => state.slice(&listing, 0, u64::MAX),
            };
            all.retain(|account| {
                let address = account.email.as_deref().unwrap_or_default();
                email.as_ref().is_none_or(|email| normalized(address).as_ref() == Some(email))
                    && search.as_ref().is_none_or(|search| address.to_lowercase().contains(search.as_str()))
            });
            if order_by == "name" {
                self.sort_by_name(&mut all);
            }
            let total = all.len() as u64;
            (slice.cut_all(all), total)
        } else {
            (slice.cut(&listing, |offset, limit| state.slice(&listing, offset, limit)), listing.len())
        };
        drop(state);
        let wanted = params.fields();
        let body: Vec<_> = accounts.iter().map(|account| fields::customer(account, &self.site(), &wanted)).collect();
        let ids = accounts.iter().map(|account| account.id).collect();
        let link = self.links("customers", params, &slice, total, "");
        Ok(list_answer(&body, total, slice.per_page, link).with_listed(Target::Customers, ids))
    }

    /// Equal names come in another order each time, as a database is free to do.
    fn sort_by_name(&self, accounts: &mut [Account]) {
        let mood = self.shared.requests.load(std::sync::atomic::Ordering::Relaxed);
        accounts.sort_by_cached_key(|account| {
            (account.first_name.clone(), account.last_name.clone(), mix(mood, account.id))
        });
    }

    pub(super) fn orders(&self, params: &Params) -> Result<Answer, Rejected> {
        let storage = self.shared.options.woocommerce.order_storage;
        let mut complaints = Complaints::default();
        let slice = Slice::read(&mut complaints, params, "desc");
        let order_by = complaints.word(params, "orderby", "date", ORDER_ORDERS);
        let filter = OrderFilter::read(&mut complaints, params, Dates { ahead: self.site().ahead, storage });
        complaints.settle()?;
        let sort = if order_by == "modified" { Sort::Modified } else { Sort::Id };
        let state = self.shared.state();
        let fits_part = |person, part: usize| {
            let order = state.population.part(person).orders[part];
            filter.shows(order.status, order.by_account)
        };
        let fits = |order: &Order| filter.shows(order.status, order.account.is_some());
        let listing = state.orders.list(sort, filter.keys(sort), fits_part, fits);
        let (orders, total) = if filter.is_told_by(sort) {
            (slice.cut(&listing, |offset, limit| state.slice(&listing, offset, limit)), listing.len())
        } else {
            let mut all = state.slice(&listing, 0, u64::MAX);
            all.retain(|order| filter.fits(order));
            let total = all.len() as u64;
            (slice.cut_all(all), total)
        };
        drop(state);
        let wanted = params.fields();
        let body: Vec<_> = orders.iter().map(|order| fields::order(order, &self.site(), &wanted)).collect();
        // Past the end the new storage forgets the totals and points back to page 0 (recorded).
        let forgets = body.is_empty() && storage == OrderStorage::Tables;
        let total = if forgets { 0 } else { total };
        let more = match (filter.statuses.is_empty(), body.is_empty()) {
            (true, true) => "&status%5B0%5D=any",
            (true, false) => "&status%5B0%5D=any&dp=2&context=view",
            (false, _) => "",
        };
        let link = self.links("orders", params, &slice, total, more);
        Ok(list_answer(&body, total, slice.per_page, link))
    }

    /// The `Link` header: neighbours with the query repeated, credentials included (recorded); else only the root.
    fn links(&self, collection: &str, params: &Params, slice: &Slice, total: u64, more: &str) -> String {
        let pages = total.div_ceil(slice.per_page);
        // An offset counts as the page that it falls into (recorded: customers_offset).
        let page = slice.offset.div_ceil(slice.per_page) + 1;
        let to = |number: u64, rel: &str| {
            let url = format!("{}/wp-json/wc/v3/{collection}", self.shared.base_url);
            format!("<{url}?{}>; rel=\"{rel}\"", query(params, number, more))
        };
        let previous = (page > 1).then(|| to((page - 1).min(pages), "prev"));
        let next = (page < pages).then(|| to(page + 1, "next"));
        let links: Vec<_> = previous.into_iter().chain(next).collect();
        if links.is_empty() { self.root_link() } else { links.join(", ") }
    }
}

/// The query with another page: in its old place, else at the end.
fn query(params: &Params, page: u64, more: &str) -> String {
    let mut query = Serializer::new(String::new());
    let mut placed = false;
    for (name, value) in params.pairs() {
        placed |= name == "page";
        let page = page.to_string();
        query.append_pair(name, if name == "page" { &page } else { value });
    }
    let query = query.finish();
    let whole = if placed { format!("{query}{more}") } else { format!("{query}{more}&page={page}") };
    whole.trim_start_matches('&').to_owned()
}

fn list_answer(body: &[serde_json::Value], total: u64, per_page: u64, link: String) -> Answer {
    Answer::json(200, &body)
        .with("x-wp-total", total.to_string())
        .with("x-wp-totalpages", total.div_ceil(per_page).to_string())
        .with("link", link)
        .with("allow", "GET, POST")
}

fn ids(params: &Params, name: &str) -> Option<Vec<u64>> {
    params.get(name)?;
    Some(params.list(name).into_iter().filter_map(|id| id.parse().ok()).collect())
}

/// `role=all` is every WordPress user; who has two roles is listed under both (recorded).
fn has_role(standing: Standing, role: &str) -> bool {
    match role {
        "all" => true,
        "customer" => matches!(standing, Standing::Customer | Standing::SubscriberAndCustomer),
        "subscriber" => matches!(standing, Standing::PlainUser | Standing::SubscriberAndCustomer),
        "shop_manager" => standing == Standing::ShopManager,
        _ => false,
    }
}

/// `any` is without trash; drafts show up under it on the new storage (sheet, section 2).
fn is_shown(status: OrderStatus, statuses: &[&str], storage: OrderStorage) -> bool {
    let word = fields::status_word(status);
    if statuses.is_empty() || statuses.contains(&"any") {
        return match status {
            OrderStatus::Trash => false,
            OrderStatus::Draft => storage == OrderStorage::Tables,
            _ => true,
        };
    }
    statuses.contains(&word)
}
