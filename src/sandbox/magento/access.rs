//! Who may ask: OAuth 1.0a with HMAC-SHA256, or the integration's token as bearer where the merchant allows it.
//!
//! `vendors/magento.md` section 2. Keys, tokens and secrets have 32 characters, as a real shop makes them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::refusal::Refusal;
use crate::sandbox::records::Second;

/// RFC 3986 unreserved characters stay.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How far ahead a timestamp may be: Magento's own nonce generator.
const TIME_DEVIATION: i64 = 600;
/// Most nonces remembered; beyond it the oldest go.
const MAX_NONCES: usize = 100_000;

/// The integration's four secrets.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) consumer_key: String,
    pub(super) consumer_secret: String,
    pub(super) token: String,
    pub(super) token_secret: String,
}

/// What is asked for, as far as access depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    /// The resource of the access control that it takes.
    pub(super) resource: &'static str,
    pub(super) now: Second,
}

/// The one integration of a shop.
#[derive(Debug)]
pub(super) struct Access {
    keys: Keys,
    /// The configured base address: what is signed, whatever address was called (section 2).
    home: String,
    takes_bearer: bool,
    missing_right: Option<&'static str>,
    nonces: Mutex<HashMap<String, Second>>,
}

impl Access {
    pub(super) fn new(keys: Keys, home: String, takes_bearer: bool, missing_right: Option<&'static str>) -> Self {
        Self { keys, home, takes_bearer, missing_right, nonces: Mutex::default() }
    }

    pub(super) fn check(&self, headers: &HeaderMap, asked: Asked<'_>) -> Result<(), Refusal> {
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_token = |token: &str| self.takes_bearer && token == self.keys.token;
        if let Some(fields) = authorization.strip_prefix("OAuth ") {
            self.check_oauth(&header_fields(fields), asked)?;
        } else if !authorization.strip_prefix("Bearer ").is_some_and(is_token) {
            // A token that is not known is no token at all (recorded: `auth_wrong_401`).
            return Err(Refusal::not_authorized(asked.resource));
        }
        if self.missing_right == Some(asked.resource) {
            return Err(Refusal::not_authorized(asked.resource));
        }
        Ok(())
    }

    fn check_oauth(&self, fields: &BTreeMap<String, String>, asked: Asked<'_>) -> Result<(), Refusal> {
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let time = field("oauth_timestamp").parse::<Second>().unwrap_or_default();
        if time <= 0 || time > asked.now + TIME_DEVIATION {
            return Err(Refusal::bad_timestamp());
        }
        if field("oauth_signature_method") != "HMAC-SHA256" {
            return Err(Refusal::bad_method(field("oauth_signature_method")));
        }
        let is_known = field("oauth_consumer_key") == self.keys.consumer_key && field("oauth_token") == self.keys.token;
        let signature = signature(&self.keys, &format!("{}{}", self.home, asked.path), asked, fields);
        if !is_known || field("oauth_signature") != signature {
            return Err(Refusal::bad_signature());
        }
        if field("oauth_nonce").is_empty() || self.is_used(field("oauth_nonce").to_owned(), time) {
            return Err(Refusal::nonce_used());
        }
        Ok(())
    }

    fn is_used(&self, nonce: String, time: Second) -> bool {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= MAX_NONCES {
            let newest = nonces.values().copied().max().unwrap_or_default();
            nonces.retain(|_, used| newest - *used <= TIME_DEVIATION / 2);
        }
        nonces.insert(nonce, time).is_some()
    }
}

/// The fields of an `Authorization: OAuth …` header.
fn header_fields(fields: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = fields.split(',').filter_map(|field| field.trim().split_once('='));
    let pairs = pairs.filter(|(name, _)| *name != "realm");
    pairs.map(|(name, value)| (decoded(name), decoded(value.trim_matches('"')))).collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The signature of RFC 5849 section 3.4, by HMAC-SHA256; the query is signed with its brackets (section 2).
fn signature(keys: &Keys, url: &str, asked: Asked<'_>, fields: &BTreeMap<String, String>) -> String {
    let sent = fields.iter().filter(|(name, _)| *name != "oauth_signature");
    let asked_for = asked.query.iter().map(|(name, value)| (name, value));
    let mut pairs: Vec<_> = sent.chain(asked_for).map(|(name, value)| (encoded(name), encoded(value))).collect();
    pairs.sort();
    let joined: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let base = format!("{}&{}&{}", asked.method, encoded(url), encoded(&joined.join("&")));
    let key = format!("{}&{}", encoded(&keys.consumer_secret), encoded(&keys.token_secret));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(base.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let key = |letter: &str| letter.repeat(32);
        let keys = Keys { consumer_key: key("a"), consumer_secret: key("b"), token: key("c"), token_secret: key("d") };
        Access::new(keys, "http://127.0.0.1:8085".to_owned(), false, None)
    }

    /// The signature was computed by another implementation (Python's hmac and urllib).
    fn header(nonce: &str, time: i64, method: &str, signature: &str) -> HeaderMap {
        let value = format!(
            "OAuth oauth_consumer_key=\"{}\", oauth_nonce=\"{nonce}\", oauth_signature_method=\"{method}\", \
             oauth_timestamp=\"{time}\", oauth_token=\"{}\", oauth_signature=\"{}\"",
            "a".repeat(32),
            "c".repeat(32),
            encoded(signature)
        );
        HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, value.parse().unwrap())])
    }

    fn ask(access: &Access, headers: &HeaderMap, now: Second) -> Result<(), Refusal> {
        let query = [("searchCriteria[pageSize]".to_owned(), "2 5".to_owned())];
        let (method, path) = (&Method::GET, "/rest/V1/orders");
        access.check(headers, Asked { method, path, query: &query, resource: "Magento_Sales::actions_view", now })
    }

    const GOOD: &str = "kYk/ZE6cU4xXFJcpwFUEcdTZeXiuXcDq9BagW8BLFB4=";

    #[test]
    fn a_request_that_another_implementation_signed_is_let_in_once() {
        let access = access();
        let headers = header("n1", 1_700_000_000, "HMAC-SHA256", GOOD);
        assert_eq!(ask(&access, &headers, 1_700_000_000), Ok(()));
        assert_eq!(ask(&access, &headers, 1_700_000_001), Err(Refusal::nonce_used()));
    }

    #[test]
    fn what_is_not_signed_rightly_is_refused() {
        let (access, now) = (access(), 1_700_000_000);
        let refused = |headers: HeaderMap, now| ask(&access, &headers, now).unwrap_err();
        assert_eq!(refused(header("n2", now, "HMAC-SHA256", GOOD), now), Refusal::bad_signature());
        assert_eq!(refused(header("n1", now, "HMAC-SHA1", GOOD), now), Refusal::bad_method("HMAC-SHA1"));
        assert_eq!(refused(header("n1", now, "HMAC-SHA256", GOOD), now - 601), Refusal::bad_timestamp());
        assert_eq!(refused(HeaderMap::new(), now), Refusal::not_authorized("Magento_Sales::actions_view"));
    }
}
