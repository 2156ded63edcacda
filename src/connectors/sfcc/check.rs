//! The connection test: do the credentials work, is every scope there, are list and sites.

use super::client::Client;
use super::{Sfcc, access, fields};
use crate::connectors::{Check, ConnectionReport, ConnectorError, Notice};

/// The version in the path of both APIs; minor ones change without notice (`vendors/sfcc.md` section 2).
const API_VERSION: &str = "v1";

/// Asks for a token and for what each scope allows, then reads one customer and one order of each site.
///
/// A missing right, list or site is a problem in the report; whatever else keeps us from reading is an error.
pub(super) async fn check(store: &Sfcc) -> Result<ConnectionReport, ConnectorError> {
    let client = &store.client;
    let tenant = access::tenant(client.settings());
    let missing = missing_scopes(client, &tenant).await?;
    let lacks = |scope: &str| missing.iter().any(|one| one == scope);
    let scope = |name, scope: &str| Check { name, problem: lacks(scope).then(|| how_to_grant(scope)) };
    let mut checks = vec![
        Check { name: "credentials", problem: None },
        scope("tenant scope", &tenant),
        scope("scope sfcc.customerlists", access::CUSTOMERS),
        scope("scope sfcc.orders", access::ORDERS),
    ];
    let mut warnings = Vec::new();
    if missing.is_empty() {
        let read = read_customers(store, &mut warnings).await;
        checks.push(Check { name: "read customers", problem: problem(read)? });
        for site in &client.settings().sites {
            let read = client.orders(site, &[("limit", "1".to_owned()), ("offset", "0".to_owned())]).await;
            let problem = problem(read.map(drop))?.map(|problem| format!("site {site}: {problem}"));
            checks.push(Check { name: "read orders", problem });
        }
    }
    warnings.extend(store.findings.notices().into_iter().map(|Notice { detail, .. }| detail));
    Ok(ConnectionReport { store_name: None, api_version: Some(API_VERSION.to_owned()), checks, warnings })
}

/// The scopes that a token can't have. Account Manager refuses a request for several as a whole, so each is then asked
/// for by itself.
async fn missing_scopes(client: &Client, tenant: &str) -> Result<Vec<String>, ConnectorError> {
    let scopes = access::all(client.settings());
    match client.grant(&scopes.join(" ")).await {
        Ok(grant) => Ok(scopes.into_iter().filter(|scope| !grant.carries(scope)).collect()),
        Err(ConnectorError::Forbidden { .. }) => {
            let mut missing = Vec::new();
            for scope in &scopes {
                // A scope of an API is granted for a tenant, unless the tenant is what is missing.
                let is_alone = scope == tenant || missing.contains(&tenant.to_owned());
                let asked = if is_alone { scope.clone() } else { format!("{tenant} {scope}") };
                match client.grant(&asked).await {
                    Ok(grant) if grant.carries(scope) => {}
                    Ok(_) | Err(ConnectorError::Forbidden { .. }) => missing.push(scope.clone()),
                    Err(error) => return Err(error),
                }
            }
            // Each alone is granted and all together are not: nothing less can be said.
            Ok(if missing.is_empty() { scopes } else { missing })
        }
        Err(error) => Err(error),
    }
}

fn how_to_grant(scope: &str) -> String {
    if scope.starts_with("sfcc.") {
        format!("the API client lacks the scope {scope}; add it to its allowed scopes in Account Manager")
    } else {
        format!(
            "the API client lacks the scope {scope}; give it the role Salesforce Commerce API in Account Manager, with \
             this instance as its tenant filter, and check settings.organizationId"
        )
    }
}

/// Reads one customer, and finds out what later passes can search.
async fn read_customers(store: &Sfcc, warnings: &mut Vec<String>) -> Result<(), ConnectorError> {
    let searchable = fields::probe(&store.client).await?;
    if searchable.change.is_none() && searchable.creation.is_none() && searchable.profiles > super::walk::CAP {
        warnings.push(ConnectorError::ListTooLong { what: super::customers::NO_DATE }.to_string());
    }
    store.findings.note_changes(searchable.change.is_some());
    Ok(())
}

/// What the store's owner can put right; anything else is no finding.
fn problem(read: Result<(), ConnectorError>) -> Result<Option<String>, ConnectorError> {
    match read {
        Ok(()) => Ok(None),
        Err(error @ (ConnectorError::Forbidden { .. } | ConnectorError::NotThere { .. })) => {
            Ok(Some(error.to_string()))
        }
        Err(error) => Err(error),
    }
}
