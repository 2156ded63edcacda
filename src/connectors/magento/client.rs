//! Requests to one shop: how they are authorised, and what its refusals mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use url::Url;

use super::refusal::Refusal;
use super::search::Search;
use super::settings::{Access, MagentoSettings};
use crate::connectors::http::{Answer, Http, Pace};
use crate::connectors::{ConnectorError, oauth1};
use crate::domain::{Clock, Platform};

/// Largest page asked for: what shops that limit pages allow unless set otherwise (`vendors/magento.md` section 3).
const LARGEST_PAGE: u64 = 300;
/// To what pages shrink on a shop that does not answer in time.
const SMALLEST_PAGE: u64 = 20;
/// More records than this in one answer, and it is not the answer to what was asked.
const MOST_RECORDS: usize = 500;
/// Version prefix of every path; the release of the shop is not in it.
pub(super) const VERSION: &str = "V1";
/// All but the unreserved characters: a space as `%20`, never as `+` (`vendors/magento.md` section 2).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A right of Magento's access control that reading takes (`vendors/magento.md` section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// To search and read customers.
    Customers,
    /// To read orders.
    Orders,
    /// To read store views.
    Stores,
    /// Whatever the merchant's list of subscribers asks for.
    Subscribers,
}

impl Right {
    /// The resource of the vendor's access control, if it is one of theirs.
    const fn resource(self) -> Option<&'static str> {
        match self {
            Self::Customers => Some("Magento_Customer::customer"),
            Self::Orders => Some("Magento_Sales::actions_view"),
            Self::Stores => Some("Magento_Backend::store"),
            Self::Subscribers => None,
        }
    }

    const fn purpose(self) -> &'static str {
        match self {
            Self::Customers => "to read customers",
            Self::Orders => "to read orders",
            Self::Stores => "to read store views",
            Self::Subscribers => "to read the list of subscribers",
        }
    }

    /// What is missing and where to give it. `named` is what the shop calls it.
    fn missing(self, named: Option<String>) -> ConnectorError {
        let resource = named.unwrap_or_else(|| self.resource().unwrap_or("the right").to_owned());
        let purpose = self.purpose();
        let what = format!("{resource}, {purpose}; tick it for the integration under System > Integrations > API");
        ConnectorError::Forbidden { what }
    }
}

/// The smallest requests that show whether credentials are known at all.
const PROBES: &[(Right, &[&str])] = &[
    (Right::Stores, &[VERSION, "store", "storeViews"]),
    (Right::Customers, &[VERSION, "customers", "search"]),
    (Right::Orders, &[VERSION, "orders"]),
];

/// One shop.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    pace: Arc<Pace>,
    clock: Arc<dyn Clock>,
    rest: Url,
    access: Access,
    page_size: AtomicU64,
}

/// Part of a list.
#[derive(Debug)]
pub(super) struct Listing {
    /// The records, undecoded.
    pub(super) rows: Vec<Value>,
    /// How many records fit the filters.
    pub(super) total: Option<u64>,
    /// How many were asked for.
    pub(super) size: u64,
}

impl Client {
    /// Takes up checked settings.
    pub(super) fn new(settings: &MagentoSettings, http: &Http, clock: Arc<dyn Clock>) -> Self {
        let (rest, access) = (settings.rest.clone(), settings.access.clone());
        let pace = http.pace(Platform::Magento, rest.as_str());
        Self { http: http.clone(), pace, clock, rest, access, page_size: AtomicU64::new(LARGEST_PAGE) }
    }

    /// Our clock, for bounds on what the shop's says.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Whether a token is sent as it is.
    pub(super) const fn uses_bearer(&self) -> bool {
        matches!(self.access, Access::Bearer(_))
    }

    /// Part of a list, at most `most` records. A page that is larger than the shop allows is asked for anew as large
    /// as it says.
    pub(super) async fn list(
        &self,
        path: &[&str],
        right: Right,
        search: &Search,
        most: u64,
        fields: &str,
    ) -> Result<Listing, ConnectorError> {
        loop {
            let size = self.page_size.load(Ordering::Relaxed).min(most);
            let answer = self.get(path, &search.parameters(size, fields)).await?;
            let limit = (answer.status == StatusCode::BAD_REQUEST).then(|| Refusal::of(&answer).page_limit()).flatten();
            if let Some(limit) = limit.filter(|limit| *limit < size) {
                self.page_size.store(limit, Ordering::Relaxed);
                continue;
            }
            return listing(&self.accepted(answer, right).await?, size);
        }
    }

    /// A list that comes whole.
    pub(super) async fn whole_list(&self, path: &[&str], right: Right) -> Result<Vec<Value>, ConnectorError> {
        let answer = self.get(path, &[]).await?;
        self.accepted(answer, right).await?.json("a JSON list")
    }

    /// One record; `None` when the shop no longer has it.
    pub(super) async fn find(
        &self,
        path: &[&str],
        right: Right,
        fields: &str,
    ) -> Result<Option<Value>, ConnectorError> {
        let answer = self.get(path, &[("fields".to_owned(), fields.to_owned())]).await?;
        if answer.status == StatusCode::NOT_FOUND && Refusal::of(&answer).is_about_a_record() {
            return Ok(None);
        }
        self.accepted(answer, right).await?.json("a JSON object").map(Some)
    }

    async fn get(&self, path: &[&str], query: &[(String, String)]) -> Result<Answer, ConnectorError> {
        let request = self.request(self.address(path, query));
        let result = self.http.send(Platform::Magento, &self.pace, 0.0, request).await;
        if matches!(result, Err(ConnectorError::TimedOut)) {
            let smaller = (self.page_size.load(Ordering::Relaxed) / 2).max(SMALLEST_PAGE);
            self.page_size.fetch_min(smaller, Ordering::Relaxed);
        }
        result
    }

    /// A success, or what the refusal means on this platform.
    async fn accepted(&self, answer: Answer, right: Right) -> Result<Answer, ConnectorError> {
        let missing = (answer.status == StatusCode::UNAUTHORIZED).then(|| Refusal::of(&answer).missing_right());
        match (answer.checked(), missing) {
            // A signature is looked at before rights are (`examples/error-401-signature-invalid`): who comes that far is
            // known. A token that is not known is none, and lacks every right.
            (Err(ConnectorError::CredentialsRejected), Some(Some(named))) => {
                let is_known = !self.uses_bearer() || self.is_known(right).await?;
                Err(if is_known { right.missing(Some(named)) } else { ConnectorError::CredentialsRejected })
            }
            (Err(ConnectorError::Forbidden { .. }), _) => Err(right.missing(None)),
            (Err(ConnectorError::NotThere { .. }), _) => Err(ConnectorError::NotThere {
                what: if right == Right::Subscribers { "list of subscribers" } else { "Magento REST API" },
            }),
            (result, _) => result,
        }
    }

    /// Whether the shop knows the token: it lets it read something else. Nothing else tells a missing right from an unknown
    /// token.
    async fn is_known(&self, refused: Right) -> Result<bool, ConnectorError> {
        for (_, path) in PROBES.iter().filter(|(right, _)| *right != refused) {
            if self.get(path, &Search::default().parameters(1, "id")).await?.status != StatusCode::UNAUTHORIZED {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn address(&self, path: &[&str], query: &[(String, String)]) -> Url {
        let mut url = self.rest.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if !query.is_empty() {
            let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
            let pairs: Vec<String> =
                query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            url.set_query(Some(&pairs.join("&")));
        }
        url
    }

    fn request(&self, url: Url) -> reqwest::RequestBuilder {
        let header = match &self.access {
            Access::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            Access::Signed(signer) => {
                let parameters = signer.parameters("GET", &url, self.clock.now(), oauth1::nonce());
                let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
                let parts: Vec<String> =
                    parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", encode(value))).collect();
                format!("OAuth {}", parts.join(", "))
            }
        };
        let request = self.http.request(Method::GET, url);
        match HeaderValue::from_str(&header) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
            // A token with characters that no header can hold: the shop refuses a request without it.
            Err(_) => request,
        }
    }
}

fn listing(answer: &Answer, size: u64) -> Result<Listing, ConnectorError> {
    let mut body: Value = answer.json("a JSON object")?;
    let rows = match body.get_mut("items").map(Value::take) {
        Some(Value::Array(rows)) => rows,
        Some(Value::Null) => Vec::new(),
        _ => return Err(ConnectorError::BadAnswer { what: "a list of items" }),
    };
    if rows.len() > MOST_RECORDS {
        return Err(ConnectorError::BadAnswer { what: "no more records than asked for" });
    }
    let total = body.get("total_count").and_then(|total| total.as_u64().or_else(|| total.as_str()?.parse().ok()));
    Ok(Listing { rows, total, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::Settings;
    use crate::connectors::http::HostPolicy;
    use crate::connectors::magento::settings::FIELDS;
    use crate::domain::SystemClock;
    use serde_json::json;

    fn request(settings: &Value) -> reqwest::Request {
        let settings = Settings::parse(FIELDS, settings.as_object().unwrap().clone()).unwrap();
        let http = Http::new(HostPolicy::PublicOnly, None).unwrap();
        let client = Client::new(&MagentoSettings::read(&settings).unwrap(), &http, Arc::new(SystemClock));
        let search = Search::default().any_of(&[("updated_at", "gteq", "2026-01-02 03:04:05".to_owned())]);
        let url = client.address(&["V1", "orders"], &search.parameters(20, "entity_id"));
        client.request(url).build().unwrap()
    }

    #[test]
    fn a_space_goes_out_as_percent_twenty_and_brackets_encoded() {
        let request = request(&json!({"storeUrl": "https://shop.example/index.php/", "bearerToken": "b"}));
        assert_eq!(request.url().path(), "/index.php/rest/V1/orders");
        let query = request.url().query().unwrap();
        assert!(query.contains("%5Bvalue%5D=2026-01-02%2003%3A04%3A05&"), "{query}");
        assert!(!query.contains(['[', ']', '+']), "{query}");
    }

    #[test]
    fn credentials_are_in_a_header_that_is_never_shown() {
        let secrets = json!({"storeUrl": "https://shop.example", "consumerKey": "ck", "consumerSecret": "cs_hush",
            "accessToken": "at", "accessTokenSecret": "ts_hush"});
        let signed = request(&secrets);
        let header = signed.headers().get(AUTHORIZATION).unwrap();
        assert!(header.is_sensitive());
        let text = header.to_str().unwrap();
        assert!(text.starts_with("OAuth oauth_consumer_key=\"ck\", oauth_nonce=\""), "{text}");
        assert!(
            text.contains("oauth_signature_method=\"HMAC-SHA256\"") && text.contains("oauth_token=\"at\""),
            "{text}"
        );
        assert!(!text.contains("hush") && !signed.url().as_str().contains("oauth"), "{text}");
        let bearer = request(&json!({"storeUrl": "https://shop.example", "bearerToken": "b"}));
        assert_eq!(bearer.headers().get(AUTHORIZATION).unwrap(), "Bearer b");
    }
}
