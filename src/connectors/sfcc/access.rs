//! Access: the scopes that syncing needs, and the grant that carries them.
//!
//! Source: `vendors/sfcc.md` section 3. A token holds for one tenant, which is a scope of its own; forgetting it makes
//! every request fail, whatever the other scopes are.

use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::settings::SfccSettings;
use crate::connectors::ConnectorError;
use crate::connectors::http::Answer;
use crate::connectors::token::Granted;

/// To read customers.
pub(super) const CUSTOMERS: &str = "sfcc.customerlists";
/// To read orders.
pub(super) const ORDERS: &str = "sfcc.orders";
/// Before the tenant in its scope.
const TENANT_PREFIX: &str = "SALESFORCE_COMMERCE_API:";

/// The scope of the tenant.
pub(super) fn tenant(settings: &SfccSettings) -> String {
    format!("{TENANT_PREFIX}{}", settings.tenant())
}

/// All scopes that syncing needs, the tenant's first.
pub(super) fn all(settings: &SfccSettings) -> Vec<String> {
    vec![tenant(settings), CUSTOMERS.to_owned(), ORDERS.to_owned()]
}

/// Answer of Account Manager.
#[derive(Debug, Deserialize)]
pub(super) struct Grant {
    /// Token and life.
    #[serde(flatten)]
    pub(super) granted: Granted,
    /// The scopes that were granted, separated by spaces; absent if they are those that were asked for (RFC 6749
    /// section 5.1).
    pub(super) scope: Option<String>,
}

impl Grant {
    /// Whether it carries a scope, or the one that also allows to write.
    pub(super) fn carries(&self, scope: &str) -> bool {
        let is_it = |granted: &str| granted == scope || granted.strip_suffix(".rw") == Some(scope);
        self.scope.as_deref().is_none_or(|granted| granted.split_whitespace().any(is_it))
    }
}

/// Fields of the form that asks for a token, by `client_secret_post`, which merchants are told to choose.
pub(super) fn form<'a>(settings: &'a SfccSettings, scope: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", &settings.client_id),
        ("client_secret", settings.client_secret.expose_secret()),
        ("scope", scope),
    ]
}

/// Refusal of Account Manager (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The grant, or what its refusal means. `asked` are the scopes that were asked for.
pub(super) fn granted(answer: Answer, asked: &str) -> Result<Grant, ConnectorError> {
    match answer.status.as_u16() {
        400 | 401 | 403 => {
            let is_about_scope = answer.json::<Refusal>("a refusal").is_ok_and(|body| body.error == "invalid_scope");
            Err(if is_about_scope {
                ConnectorError::Forbidden { what: format!("one of the scopes {asked}") }
            } else {
                ConnectorError::CredentialsRejected
            })
        }
        404 => Err(ConnectorError::NotThere { what: "Account Manager, the place of tokens," }),
        _ => answer.checked()?.json("a token answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn grant(scope: Option<&str>) -> Grant {
        serde_json::from_value(json!({"access_token": "t", "expires_in": 1799, "scope": scope})).unwrap()
    }

    #[test]
    fn a_scope_to_write_includes_the_one_to_read() {
        let grant = grant(Some("SALESFORCE_COMMERCE_API:zzxy_prd sfcc.customerlists.rw"));
        assert!(grant.carries(CUSTOMERS));
        assert!(!grant.carries(ORDERS));
        assert!(grant.carries("SALESFORCE_COMMERCE_API:zzxy_prd"));
        assert!(!grant.carries("SALESFORCE_COMMERCE_API:zzxy_stg"));
    }

    #[test]
    fn a_grant_that_names_no_scopes_carries_those_that_were_asked_for() {
        assert!(grant(None).carries(ORDERS));
    }
}
