//! What an integration may do that is bound to a role and no administrator (sheet, section 1).

use axum::http::Method;
use serde_json::{Value, json};

use super::refused;
use crate::sandbox::server::Answer;

/// The association that searches here filter by and load.
const ASSOCIATION: &str = "orderCustomer";

/// The refusal of a request that needs a privilege which the role lacks: `search_403_missing_privilege.json`.
pub(super) fn refusal(lacks: &[&str], method: &Method, path: &[&str], body: &Value) -> Option<Answer> {
    if lacks.is_empty() {
        return None;
    }
    let missing: Vec<&str> = needed(method, path, body).into_iter().filter(|needed| lacks.contains(needed)).collect();
    if missing.is_empty() {
        return None;
    }
    let detail = json!({ "message": "Missing privilege", "missingPrivileges": missing }).to_string();
    Some(refused(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR", "Forbidden", &detail, &json!([])))
}

/// Reading an entity takes its own privilege, and that of every association that the search names.
fn needed(method: &Method, path: &[&str], body: &Value) -> Vec<&'static str> {
    let names_association = || body.to_string().contains(ASSOCIATION);
    match (method.as_str(), path) {
        ("POST", ["api", "search", "customer"]) if names_association() => vec!["customer:read", "order_customer:read"],
        ("POST", ["api", "search", "customer"]) => vec!["customer:read"],
        ("POST", ["api", "search", "order"]) if names_association() => vec!["order:read", "order_customer:read"],
        ("POST", ["api", "search", "order"]) => vec!["order:read"],
        ("POST", ["api", "search", "newsletter-recipient"]) => vec!["newsletter_recipient:read"],
        ("POST", ["api", "search", "sales-channel"]) => vec!["sales_channel:read"],
        ("POST", ["api", "search", "webhook"]) => vec!["webhook:read"],
        ("POST", ["api", "webhook"]) => vec!["webhook:create"],
        ("PATCH", ["api", "webhook", _]) => vec!["webhook:update"],
        ("DELETE", ["api", "webhook", _]) => vec!["webhook:delete"],
        _ => Vec::new(),
    }
}
