//! Refusals of the Commerce API: RFC 7807 with the platform's types (`vendors/sfcc.md` section 8, and the error examples).

use serde_json::{Value, json};

use crate::sandbox::server::Answer;

/// Before the name of a problem in its type.
const TYPES: &str = "https://api.commercecloud.salesforce.com/documentation/error/v1/errors";

/// A refusal.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    name: &'static str,
    title: &'static str,
    detail: String,
    /// A member of its own that some problems have.
    extra: Option<(&'static str, Value)>,
}

impl Problem {
    const fn new(status: u16, name: &'static str, title: &'static str, detail: String) -> Self {
        Self { status, name, title, detail, extra: None }
    }

    pub(super) fn invalid_token() -> Self {
        let detail = "The request is unauthorized, the access token is invalid.".to_owned();
        Self::new(401, "invalid-access-token", "Invalid Access Token", detail)
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        Self::new(403, "forbidden", "Forbidden", detail.to_owned())
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(400, "invalid-query-parameter", "Bad Request", detail.into())
    }

    pub(super) fn no_such_list(id: &str) -> Self {
        let detail = format!("No customer list with ID '{id}' could be found.");
        let extra = Some(("listId", Value::from(id)));
        Self { extra, ..Self::new(404, "customer-list-not-found", "Customer List Not Found", detail) }
    }

    pub(super) fn no_such_customer(number: &str) -> Self {
        let detail = format!("No customer with number '{number}' could be found.");
        Self::new(404, "customer-not-found", "Customer Not Found", detail)
    }

    pub(super) fn no_such_order(number: &str) -> Self {
        let detail = format!("No order with number '{number}' was found.");
        Self::new(404, "order-not-found", "Order Not Found", detail)
    }

    pub(super) fn no_such_site(id: &str) -> Self {
        Self::new(404, "site-not-found", "Site Not Found", format!("No site with ID '{id}' was found."))
    }

    pub(super) fn no_such_resource() -> Self {
        Self::new(404, "resource-not-found", "Not Found", "The resource does not exist.".to_owned())
    }

    pub(super) fn too_many_requests() -> Self {
        let detail = "The rate limit for this API was reached.".to_owned();
        Self::new(429, "too-many-requests", "Too Many Requests", detail)
    }

    pub(super) fn overloaded() -> Self {
        Self::new(503, "service-unavailable", "Service Unavailable", "The system is at its load limit.".to_owned())
    }

    pub(super) fn failed() -> Self {
        let detail = "An internal error occurred.".to_owned();
        Self::new(500, "internal-server-error", "Internal Server Error", detail)
    }

    pub(super) fn answer(self) -> Answer {
        let mut body = json!({ "title": self.title, "type": format!("{TYPES}/{}", self.name), "detail": self.detail });
        if let Some((name, value)) = self.extra {
            body[name] = value;
        }
        Answer::text(self.status, "application/problem+json", &body.to_string())
    }
}
