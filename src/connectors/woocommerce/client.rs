//! Requests to one shop: how they are signed, and what its refusals mean.
//!
//! The scheme of `storeUrl` decides: WooCommerce looks at Basic credentials only under TLS, and over plain http only at
//! OAuth 1.0a signatures (`vendors/woocommerce.md` section 1).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use crate::connectors::http::{Answer, Http, Pace};
use crate::connectors::oauth1::{self, Pair, Signer};
use crate::connectors::{ConnectorError, InvalidSetting, Settings};
use crate::domain::people::Stream;
use crate::domain::{Clock, Platform};

/// Most records that wc/v3 gives at once.
const LARGEST_PAGE: u64 = 100;
/// To what pages shrink on a shop that does not answer in time.
const SMALLEST_PAGE: u64 = 20;
/// More records than this in one answer, and it is not the answer to what was asked.
const MOST_RECORDS: usize = 500;

/// The code of both: the secret or the signature is wrong, or the key lacks a right.
const EITHER: &str = "woocommerce_rest_authentication_error";
const READ_RIGHT: &str =
    "Read; edit the key in the shop under WooCommerce > Settings > Advanced > REST API and give it Read or Read/Write";

/// One list of wc/v3 and the right that reading it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resource {
    /// Last segment of its path.
    pub(super) path: &'static str,
    /// The fields to ask for.
    pub(super) fields: &'static str,
    /// What the key's user must be allowed, in WordPress's words.
    pub(super) right: &'static str,
    /// Whether the list counts records that it hides from the key's user (`vendors/woocommerce.md` section 2).
    pub(super) may_hide: bool,
}

/// The list behind a stream; `None` for a stream that the platform does not have.
pub(super) const fn resource(stream: Stream) -> Option<Resource> {
    match stream {
        Stream::Customers => Some(Resource {
            path: "customers",
            fields: super::wire::CUSTOMER_FIELDS,
            right: "list_users, to read customers; give the key to a shop manager or an administrator",
            may_hide: false,
        }),
        Stream::Orders => Some(Resource {
            path: "orders",
            fields: super::wire::ORDER_FIELDS,
            right: "read_private_shop_orders, to read orders; give the key to a shop manager or an administrator",
            may_hide: true,
        }),
        Stream::Subscribers => None,
    }
}

#[derive(Debug)]
enum Access {
    Basic(Pair),
    Signed(Signer),
}

/// One shop.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    pace: Arc<Pace>,
    clock: Arc<dyn Clock>,
    /// `{storeUrl}/wp-json`.
    api: Url,
    access: Access,
    page_size: AtomicU64,
}

/// Part of a list.
#[derive(Debug)]
pub(super) struct Listing {
    /// The records, undecoded.
    pub(super) rows: Vec<Value>,
    /// `X-WP-Total`.
    pub(super) total: Option<u64>,
}

impl Client {
    /// Takes up the settings of an integration.
    ///
    /// # Errors
    /// A setting that is missing or not an address.
    pub(super) fn new(settings: &Settings, http: &Http, clock: Arc<dyn Clock>) -> Result<Self, InvalidSetting> {
        let invalid = || InvalidSetting::new("storeUrl", "must be an http or https address");
        let mut api: Url = settings.text("storeUrl").and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
        api.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().push("wp-json");
        let secret = |name: &str| -> Result<SecretString, InvalidSetting> {
            settings.secret(name).cloned().ok_or_else(|| InvalidSetting::new(name, "is required"))
        };
        let pair = Pair { key: secret("consumerKey")?, secret: secret("consumerSecret")? };
        let access = match api.scheme() {
            "https" => Access::Basic(pair),
            "http" => Access::Signed(Signer { consumer: pair, token: None }),
            _ => return Err(invalid()),
        };
        let page_size = AtomicU64::new(LARGEST_PAGE);
        let pace = http.pace(Platform::WooCommerce, api.as_str());
        Ok(Self { http: http.clone(), pace, clock, api, access, page_size })
    }

    /// Our clock, for bounds on what the shop's says.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// How many records to ask for: fewer, once the shop did not answer in time.
    pub(super) fn page_size(&self) -> u64 {
        self.page_size.load(Ordering::Relaxed)
    }

    /// The site's index, which needs no credentials.
    pub(super) async fn index(&self) -> Result<Value, ConnectorError> {
        let url = self.address(&[""], &[("_fields", "name,namespaces".to_owned())]);
        let request = self.http.request(Method::GET, url);
        let answer = self.http.send(Platform::WooCommerce, &self.pace, 0.0, request).await?;
        accepted(answer, "list_users")?.json("a JSON object")
    }

    /// Part of a list.
    pub(super) async fn list(&self, resource: Resource, query: &[(&str, String)]) -> Result<Listing, ConnectorError> {
        let answer = self.accepted(self.get(&[resource.path], query).await?, resource).await?;
        let rows: Vec<Value> = answer.json("a JSON list")?;
        if rows.len() > MOST_RECORDS {
            return Err(ConnectorError::BadAnswer { what: "no more records than asked for" });
        }
        let total = answer.headers.get("x-wp-total").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Listing { rows, total })
    }

    /// One record; `None` when the shop no longer has it.
    pub(super) async fn find(&self, resource: Resource, id: u64) -> Result<Option<Value>, ConnectorError> {
        let query = [("_fields", resource.fields.to_owned())];
        let answer = self.get(&[resource.path, &id.to_string()], &query).await?;
        if answer.status == reqwest::StatusCode::NOT_FOUND && is_unknown_record(&answer) {
            return Ok(None);
        }
        self.accepted(answer, resource).await?.json("a JSON object").map(Some)
    }

    /// One record of customers, as the list shows it, so that whom the list leaves out is nobody here either: webhooks also
    /// come for staff and plain WordPress users (`vendors/woocommerce.md` section 6), and their role is not shown reliably.
    pub(super) async fn find_customer(
        &self,
        resource: Resource,
        id: u64,
        roles: &[String],
    ) -> Result<Option<Value>, ConnectorError> {
        for role in roles {
            let query = [
                ("include", id.to_string()),
                ("role", role.clone()),
                ("per_page", "1".to_owned()),
                ("_fields", resource.fields.to_owned()),
            ];
            let listing = self.list(resource, &query).await?;
            let found = listing.rows.into_iter().find(|row| super::wire::id(row).is_none_or(|shown| shown == id));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Asks for something beside the lists of people, or changes it. Any status is an answer here.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Answer, ConnectorError> {
        let path: Vec<&str> = ["wc", "v3"].iter().chain(path).copied().collect();
        let mut request = self.with_access(method, self.address(&path, query));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.http.send(Platform::WooCommerce, &self.pace, 0.0, request).await
    }

    /// A success, or what the refusal means. A wrong secret and a key that may only write are refused in the same words
    /// (`vendors/woocommerce.md` section 5).
    async fn accepted(&self, answer: Answer, resource: Resource) -> Result<Answer, ConnectorError> {
        let is_either = answer.status == reqwest::StatusCode::UNAUTHORIZED && code(&answer) == EITHER;
        match accepted(answer, resource.right) {
            Err(ConnectorError::CredentialsRejected) if is_either && self.is_known(resource).await? => {
                Err(ConnectorError::Forbidden { what: READ_RIGHT.to_owned() })
            }
            result => result,
        }
    }

    /// Whether the shop knows the key and its secret: then it lets it ask what may be asked, whatever it may do else.
    async fn is_known(&self, resource: Resource) -> Result<bool, ConnectorError> {
        Ok(self.call(Method::OPTIONS, &[resource.path], &[], None).await?.status.is_success())
    }

    async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, ConnectorError> {
        let path: Vec<&str> = ["wc", "v3"].iter().chain(path).copied().collect();
        let request = self.with_access(Method::GET, self.address(&path, query));
        let result = self.http.send(Platform::WooCommerce, &self.pace, 0.0, request).await;
        if matches!(result, Err(ConnectorError::TimedOut)) {
            self.page_size.store((self.page_size() / 2).max(SMALLEST_PAGE), Ordering::Relaxed);
        }
        result
    }

    fn address(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn with_access(&self, method: Method, mut url: Url) -> reqwest::RequestBuilder {
        match &self.access {
            Access::Basic(pair) => {
                self.http.request(method, url).basic_auth(pair.key.expose_secret(), Some(pair.secret.expose_secret()))
            }
            Access::Signed(signer) => {
                let parameters = signer.parameters(method.as_str(), &url, self.clock.now(), oauth1::nonce());
                url.query_pairs_mut().extend_pairs(parameters);
                self.http.request(method, url)
            }
        }
    }
}

/// A success, or what the refusal means on this platform.
fn accepted(answer: Answer, right: &'static str) -> Result<Answer, ConnectorError> {
    match answer.checked() {
        Err(ConnectorError::Forbidden { .. }) => Err(ConnectorError::Forbidden { what: right.to_owned() }),
        Err(ConnectorError::NotThere { .. }) => Err(ConnectorError::NotThere { what: "WooCommerce REST API" }),
        result => result,
    }
}

/// The code of a refusal, which is not translated; empty where there is none.
fn code(answer: &Answer) -> String {
    let body = answer.json::<Value>("a JSON object").unwrap_or_default();
    body.get("code").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Whether a 404 is about the record. The words for that differ between releases; an address that does not exist,
/// also while WooCommerce is switched off, is `rest_no_route` in all of them, and a proxy's 404 is not JSON.
fn is_unknown_record(answer: &Answer) -> bool {
    answer.json::<Value>("a JSON object").is_ok_and(|body| {
        body.get("code").and_then(Value::as_str).is_some_and(|code| code != "rest_no_route")
            && body.pointer("/data/status").and_then(Value::as_u64) == Some(404)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::http::HostPolicy;
    use crate::domain::SystemClock;
    use serde_json::json;

    fn request(store_url: &str) -> reqwest::Request {
        let input = json!({"storeUrl": store_url, "consumerKey": "ck_me", "consumerSecret": "cs_hush"});
        let input = input.as_object().unwrap().clone();
        let settings = Settings::parse(crate::connectors::woocommerce::settings::FIELDS, input).unwrap();
        let http = Http::new(HostPolicy::PublicOnly, None).unwrap();
        let client = Client::new(&settings, &http, Arc::new(SystemClock)).unwrap();
        let url = client.address(&["wc", "v3", "orders"], &[("per_page", "1".to_owned())]);
        client.with_access(Method::GET, url).build().unwrap()
    }

    #[test]
    fn over_https_the_credentials_are_in_a_header_that_is_never_shown() {
        let request = request("https://shop.example/");
        let header = request.headers().get("authorization").unwrap();
        assert!(header.is_sensitive());
        assert_eq!(header.to_str().unwrap(), "Basic Y2tfbWU6Y3NfaHVzaA==");
        assert_eq!(request.url().as_str(), "https://shop.example/wp-json/wc/v3/orders?per_page=1");
    }

    #[test]
    fn over_http_the_request_is_signed_and_the_secret_stays_here() {
        let request = request("http://shop.example");
        assert!(!request.headers().contains_key("authorization"));
        assert!(!request.url().as_str().contains("cs_hush"));
        let names: Vec<String> = request.url().query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names.first().map(String::as_str), Some("per_page"));
        assert_eq!(names.last().map(String::as_str), Some("oauth_signature"));
    }

    #[test]
    fn a_shop_in_a_folder_is_asked_there() {
        for store_url in ["https://example.com/shop", "https://example.com/shop/"] {
            assert_eq!(request(store_url).url().path(), "/shop/wp-json/wc/v3/orders");
        }
    }
}
