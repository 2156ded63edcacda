//! The fields of the objects, for apollo-compiler's execution; `vendors/shopify.md` sections 3 to 5.

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::serde_json_bytes;

use super::context::Context;
use super::known::resolved;
use super::leaves::{address_field, consent_field, email_field, named, phone, plan_field, state_word, text, time};
use super::page::{Page, Searched, arguments, error, gathered, searched};
use super::search::Search;
use super::subscriptions;
use crate::sandbox::book::{ALL_KEYS, Listing};
use crate::sandbox::names::normalized;
use crate::sandbox::records::{Account, Order, OrderStatus, Record, Says, Standing};

/// Orders older than this are absent without `read_all_orders` (`vendors/shopify.md` section 2).
const RECENT_SECONDS: i64 = 60 * 86_400;
/// Counts end here (`vendors/shopify.md` section 3).
const MAX_COUNT: u64 = 25_001;
/// The text that stands for an internal error, so that the server gives it its own code.
pub(super) const INTERNAL: &str = "Internal error. Looks like something went wrong on our end.";

type Resolved<'a> = Result<ResolvedValue<'a>, FieldError>;

/// An object of the graph.
pub(super) struct Object<'a> {
    context: &'a Context<'a>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Query,
    Customers(Page<Account>),
    Orders(Page<Order>),
    CustomerEdge(&'a Page<Account>, usize),
    OrderEdge(&'a Page<Order>, usize),
    PageInfo { ends: [Option<String>; 2], has_next: bool, has_previous: bool },
    Customer(Account),
    Order(Order),
    Email(&'a Account, &'a str),
    Consent(&'a Account),
    Phone(u64),
    Address { id: u64, first_name: &'a str, last_name: &'a str },
    Shop,
    Plan,
    Installation,
    Scope(&'a str),
    Count { count: u64, exact: bool },
}

impl<'a> Object<'a> {
    pub(super) const fn query(context: &'a Context<'a>) -> Self {
        Self { context, kind: Kind::Query }
    }

    fn make(&self, kind: Kind<'a>) -> ResolvedValue<'a> {
        ResolvedValue::object(self.child(kind))
    }

    fn child(&self, kind: Kind<'a>) -> Self {
        if !matches!(
            kind,
            Kind::CustomerEdge(..) | Kind::OrderEdge(..) | Kind::PageInfo { .. } | Kind::Customers(_) | Kind::Orders(_)
        ) {
            self.context.objects.set(self.context.objects.get().saturating_add(1));
        }
        Self { context: self.context, kind }
    }
}

impl ObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        match &self.kind {
            Kind::Query => "QueryRoot",
            Kind::Customers(_) => "CustomerConnection",
            Kind::Orders(_) => "OrderConnection",
            Kind::CustomerEdge(..) => "CustomerEdge",
            Kind::OrderEdge(..) => "OrderEdge",
            Kind::PageInfo { .. } => "PageInfo",
            Kind::Customer(_) => "Customer",
            Kind::Order(_) => "Order",
            Kind::Email(..) => "CustomerEmailAddress",
            Kind::Consent(_) => "CustomerEmailMarketingConsentState",
            Kind::Phone(_) => "CustomerPhoneNumber",
            Kind::Address { .. } => "MailingAddress",
            Kind::Shop => "Shop",
            Kind::Plan => "ShopPlan",
            Kind::Installation => "AppInstallation",
            Kind::Scope(_) => "AccessScope",
            Kind::Count { .. } => "Count",
        }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let field = info.field_name();
        let resolved = match &self.kind {
            Kind::Query => return self.query_field(field, info),
            Kind::Customers(page) => self.connection_field(page, field, Kind::CustomerEdge, Kind::Customer),
            Kind::Orders(page) => self.connection_field(page, field, Kind::OrderEdge, Kind::Order),
            Kind::CustomerEdge(page, index) => self.edge_field(page, *index, field, Kind::Customer),
            Kind::OrderEdge(page, index) => self.edge_field(page, *index, field, Kind::Order),
            Kind::PageInfo { ends: [start, end], has_next, has_previous } => match field {
                "startCursor" => Some(text(start.as_deref())),
                "endCursor" => Some(text(end.as_deref())),
                "hasNextPage" => Some(ResolvedValue::leaf(*has_next)),
                "hasPreviousPage" => Some(ResolvedValue::leaf(*has_previous)),
                _ => None,
            },
            Kind::Customer(account) => self.customer_field(account, field),
            Kind::Order(order) => return self.order_field(order, field).unwrap_or_else(|| self.unserved(info)),
            Kind::Email(account, address) => email_field(account, address, field),
            Kind::Consent(account) => consent_field(account, field),
            Kind::Phone(id) => (field == "phoneNumber").then(|| ResolvedValue::leaf(phone(*id))),
            Kind::Address { id, first_name, last_name } => address_field(*id, first_name, last_name, field),
            Kind::Shop => self.shop_field(field),
            Kind::Plan => plan_field(field),
            Kind::Installation => match field {
                "id" => Some(ResolvedValue::leaf("gid://shopify/AppInstallation/500000000001")),
                "accessScopes" => {
                    let scopes = self.context.shared.options.shopify.scopes.iter();
                    Some(ResolvedValue::list(scopes.map(|scope| self.make_scope(scope)).collect::<Vec<_>>()))
                }
                _ => None,
            },
            Kind::Scope(handle) => match field {
                "handle" => Some(ResolvedValue::leaf(*handle)),
                "description" => Some(ResolvedValue::leaf(handle.replace('_', " "))),
                _ => None,
            },
            Kind::Count { count, exact } => match field {
                "count" => Some(ResolvedValue::leaf(*count)),
                "precision" => Some(ResolvedValue::leaf(if *exact { "EXACT" } else { "AT_LEAST" })),
                _ => None,
            },
        };
        resolved.map_or_else(|| self.unserved(info), Ok)
    }
}

impl Object<'_> {
    /// A field of the vendor's schema that this sandbox has nothing for: null where that is allowed.
    fn unserved<'a>(&self, info: &ResolveInfo<'a>) -> Resolved<'a> {
        if info.field_definition().ty.is_non_null() {
            Err(self.unknown_field_error(info))
        } else {
            Ok(ResolvedValue::null())
        }
    }

    fn make_scope<'a>(&'a self, scope: &'a str) -> ResolvedValue<'a> {
        self.make(Kind::Scope(scope))
    }

    fn query_field<'a>(&'a self, field: &str, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let scope = match field {
            "customers" | "customer" | "customersCount" => Some("read_customers"),
            "orders" | "order" | "ordersCount" => Some("read_orders"),
            _ => None,
        };
        scope.map_or(Ok(()), |scope| self.demand(field, scope))?;
        let id = || info.arguments().get("id").and_then(|id| id.as_str()?.rsplit('/').next()?.parse::<u64>().ok());
        Ok(match field {
            "customers" => self.make(Kind::Customers(self.customers(info)?)),
            "orders" => self.make(Kind::Orders(self.orders(info)?)),
            // Deleted customers give null with no error (vendors/shopify.md section 6).
            "customer" => match id().and_then(|id| self.context.shared.state().find::<Account>(id)) {
                Some(account) => self.make_customer(account),
                None => ResolvedValue::null(),
            },
            "order" => match id().and_then(|id| self.context.shared.state().find::<Order>(id)) {
                Some(order) if self.is_recent_enough(&order) => self.make(Kind::Order(order)),
                _ => ResolvedValue::null(),
            },
            "customersCount" | "ordersCount" => self.count(field == "customersCount", info)?,
            "shop" => self.make(Kind::Shop),
            "currentAppInstallation" => self.make(Kind::Installation),
            "bulkOperation" => resolved(id().map_or(serde_json::Value::Null, |id| self.context.exports.look(id))),
            "webhookSubscription" => resolved(subscriptions::one(&self.context.shared.deliveries, id())),
            "webhookSubscriptions" => self.subscriptions(info)?,
            _ => return self.unserved(info),
        })
    }

    fn subscriptions<'a>(&'a self, info: &ResolveInfo<'_>) -> Resolved<'a> {
        let deliveries = &self.context.shared.deliveries;
        let (connection, nodes) = subscriptions::connection(deliveries, info, self.context.extent)?;
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        self.context.objects.set(self.context.objects.get().saturating_add(nodes));
        Ok(resolved(connection))
    }

    fn has_scope(&self, scope: &str) -> bool {
        self.context.shared.options.shopify.scopes.iter().any(|granted| granted == scope)
    }

    fn demand(&self, field: &str, scope: &str) -> Result<(), FieldError> {
        if self.has_scope(scope) {
            return Ok(());
        }
        Err(error(format!("Access denied for {field} field. Required access: `{scope}` access scope.")))
    }

    fn is_recent_enough(&self, order: &Order) -> bool {
        self.has_scope("read_all_orders") || order.created >= self.context.shared.now() - RECENT_SECONDS
    }

    fn make_customer(&self, account: Account) -> ResolvedValue<'_> {
        self.context.accounts.borrow_mut().push(account.id);
        self.make(Kind::Customer(account))
    }

    fn customers(&self, info: &ResolveInfo<'_>) -> Result<Page<Account>, FieldError> {
        let arguments = arguments(info)?;
        let search = searched(&arguments, self.context.shared.options.shopify.whole_day_customers)?;
        let state = self.context.shared.state();
        let listing = state.accounts.list(arguments.sort(), arguments.keys(&search), |_, _| true, |_| true);
        let rows = gathered(listing, &arguments, &search, |listing| state.slice(listing, 0, u64::MAX));
        let build = |listing: &Listing<'_, _>, offset, limit| state.slice(listing, offset, limit);
        Page::cut(&rows, &arguments, self.context.extent, build).map_err(error)
    }

    fn orders(&self, info: &ResolveInfo<'_>) -> Result<Page<Order>, FieldError> {
        let arguments = arguments(info)?;
        let search = searched(&arguments, false)?;
        let state = self.context.shared.state();
        let all = self.has_scope("read_all_orders");
        // Orders of the population are all years old.
        let fits = |order: &Order| self.is_recent_enough(order);
        let listing = state.orders.list(arguments.sort(), arguments.keys(&search), |_, _| all, fits);
        let rows = gathered(listing, &arguments, &search, |listing| state.slice(listing, 0, u64::MAX));
        let build = |listing: &Listing<'_, _>, offset, limit| state.slice(listing, offset, limit);
        Page::cut(&rows, &arguments, self.context.extent, build).map_err(error)
    }

    fn count<'a>(&'a self, of_customers: bool, info: &ResolveInfo<'_>) -> Resolved<'a> {
        let arguments = arguments(info)?;
        let search = searched(&arguments, false)?;
        let state = self.context.shared.state();
        let sort = arguments.sort();
        let all = self.has_scope("read_all_orders");
        let count = if of_customers {
            let listing = state.accounts.list(sort, ALL_KEYS, |_, _| true, |_| true);
            if search == Search::ALL {
                listing.len()
            } else {
                state.slice(&listing, 0, u64::MAX).iter().filter(|account| account.fits(&search)).count() as u64
            }
        } else {
            let listing = state.orders.list(sort, ALL_KEYS, |_, _| all, |order| self.is_recent_enough(order));
            state.slice(&listing, 0, u64::MAX).iter().filter(|order| order.fits(&search)).count() as u64
        };
        drop(state);
        let limit = info.arguments().get("limit").and_then(serde_json_bytes::Value::as_u64).unwrap_or(MAX_COUNT);
        let limit = limit.min(MAX_COUNT);
        Ok(self.make(Kind::Count { count: count.min(limit), exact: count <= limit }))
    }

    fn connection_field<'a, R: Record>(
        &'a self,
        page: &'a Page<R>,
        field: &str,
        edge: impl Fn(&'a Page<R>, usize) -> Kind<'a> + 'a,
        node: impl Fn(R) -> Kind<'a> + 'a,
    ) -> Option<ResolvedValue<'a>> {
        match field {
            "nodes" => Some(ResolvedValue::list(page.rows.iter().map(move |row| self.make_row(row, &node)))),
            "edges" => Some(ResolvedValue::list((0..page.rows.len()).map(move |index| self.make(edge(page, index))))),
            "pageInfo" => {
                let ends = [page.cursor(0), page.cursor(page.rows.len().wrapping_sub(1))];
                let (has_next, has_previous) = (page.has_next, page.has_previous);
                Some(self.make(Kind::PageInfo { ends, has_next, has_previous }))
            }
            _ => None,
        }
    }

    fn make_row<'a, R: Record>(&'a self, row: &R, node: &impl Fn(R) -> Kind<'a>) -> ResolvedValue<'a> {
        let kind = node(row.clone());
        if let Kind::Customer(account) = &kind {
            self.context.accounts.borrow_mut().push(account.id);
        }
        self.make(kind)
    }

    fn edge_field<'a, R: Record>(
        &'a self,
        page: &'a Page<R>,
        index: usize,
        field: &str,
        node: impl Fn(R) -> Kind<'a>,
    ) -> Option<ResolvedValue<'a>> {
        match field {
            "cursor" => Some(text(page.cursor(index).as_deref())),
            "node" => Some(self.make_row(page.rows.get(index)?, &node)),
            _ => None,
        }
    }

    fn customer_field<'a>(&'a self, account: &'a Account, field: &str) -> Option<ResolvedValue<'a>> {
        let (first_name, last_name) = (account.first_name.as_str(), account.last_name.as_str());
        Some(match field {
            "id" => ResolvedValue::leaf(format!("gid://shopify/Customer/{}", account.id)),
            // UnsignedInt64 is a JSON string (vendors/shopify.md section 3).
            "legacyResourceId" => ResolvedValue::leaf(account.id.to_string()),
            "createdAt" => time(account.created),
            "updatedAt" => time(account.modified),
            "firstName" => named(first_name),
            "lastName" => named(last_name),
            "displayName" if first_name.is_empty() => {
                ResolvedValue::leaf(account.email.clone().unwrap_or_else(|| phone(account.id)))
            }
            "displayName" => ResolvedValue::leaf(format!("{first_name} {last_name}")),
            "locale" => ResolvedValue::leaf("en"),
            "state" => ResolvedValue::leaf(state_word(account.standing)),
            "verifiedEmail" => ResolvedValue::leaf(account.email.is_some()),
            "validEmailAddress" => {
                ResolvedValue::leaf(account.email.as_deref().is_some_and(|email| normalized(email).is_some()))
            }
            "numberOfOrders" => ResolvedValue::leaf(account.orders.to_string()),
            "canDelete" => ResolvedValue::leaf(account.orders == 0),
            "taxExempt" => ResolvedValue::leaf(false),
            "tags" => {
                let tags = (account.standing == Standing::Newsletter).then(|| ResolvedValue::leaf("newsletter"));
                ResolvedValue::list(tags)
            }
            "email" => text(account.email.as_deref()),
            "phone" => text(account.email.is_none().then(|| phone(account.id)).as_deref()),
            // Null for phone-only customers (vendors/shopify.md section 5).
            "defaultEmailAddress" => match &account.email {
                Some(address) => self.make(Kind::Email(account, address)),
                None => ResolvedValue::null(),
            },
            "emailMarketingConsent" if account.email.is_some() => self.make(Kind::Consent(account)),
            "defaultPhoneNumber" if account.email.is_none() => self.make(Kind::Phone(account.id)),
            "defaultAddress" if account.orders > 0 => {
                self.make(Kind::Address { id: account.id, first_name, last_name })
            }
            "note" | "emailMarketingConsent" | "defaultPhoneNumber" | "defaultAddress" => ResolvedValue::null(),
            _ => return None,
        })
    }

    fn order_field<'a>(&'a self, order: &'a Order, field: &str) -> Option<Resolved<'a>> {
        let (first_name, last_name) = (order.first_name.as_str(), order.last_name.as_str());
        let walk_in = order.email.is_none();
        Some(Ok(match field {
            "id" => ResolvedValue::leaf(format!("gid://shopify/Order/{}", order.id)),
            "legacyResourceId" => ResolvedValue::leaf(order.id.to_string()),
            "name" => ResolvedValue::leaf(format!("#{}", order.id % 1_000_000_000)),
            "createdAt" | "processedAt" => time(order.created),
            "updatedAt" => time(order.modified),
            "closed" => ResolvedValue::leaf(false),
            "test" => ResolvedValue::leaf(order.test),
            "sourceName" => ResolvedValue::leaf(if walk_in { "pos" } else { "web" }),
            "email" => text(order.email.as_deref()),
            "customerAcceptsMarketing" => ResolvedValue::leaf(order.says == Says::Yes),
            "customerLocale" => text((!walk_in).then_some("en")),
            "displayFinancialStatus" => {
                ResolvedValue::leaf(if order.status == OrderStatus::Pending { "PENDING" } else { "PAID" })
            }
            "customer" => {
                let account = order.account.and_then(|id| self.context.shared.state().find::<Account>(id));
                match (account, self.demand(field, "read_customers")) {
                    (Some(_), Err(denied)) => return Some(Err(denied)),
                    (Some(account), Ok(())) => self.make(Kind::Customer(account)),
                    (None, _) => ResolvedValue::null(),
                }
            }
            "billingAddress" if !walk_in => self.make(Kind::Address { id: order.id, first_name, last_name }),
            "billingAddress" | "cancelledAt" | "phone" => ResolvedValue::null(),
            _ => return None,
        }))
    }

    fn shop_field<'a>(&'a self, field: &str) -> Option<ResolvedValue<'a>> {
        let shared = self.context.shared;
        Some(match field {
            "id" => ResolvedValue::leaf("gid://shopify/Shop/80000000001"),
            "name" => ResolvedValue::leaf(shared.name()),
            "email" => ResolvedValue::leaf("owner@example.com"),
            "myshopifyDomain" => ResolvedValue::leaf(super::shop_domain(shared)),
            "ianaTimezone" => ResolvedValue::leaf("America/New_York"),
            "currencyCode" => ResolvedValue::leaf("USD"),
            "taxesIncluded" => ResolvedValue::leaf(false),
            "plan" => self.make(Kind::Plan),
            _ => return None,
        })
    }
}
