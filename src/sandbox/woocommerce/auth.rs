//! Who may ask: OAuth 1.0a over plain HTTP, Basic and query parameters where the request came in by TLS.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::params::{Params, Rejected};
use crate::sandbox::records::Second;

/// RFC 3986 unreserved characters stay.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How far a timestamp may be off, and how long a nonce is remembered (sheet, section 1).
const WINDOW_SECONDS: i64 = 15 * 60;
/// Most nonces remembered; beyond it the oldest timestamps go.
const MAX_NONCES: usize = 100_000;

/// The one pair of keys of a shop.
#[derive(Debug)]
pub(super) struct Authority {
    key: String,
    secret: String,
    /// The site's home address: what is signed, whatever address was called (sheet, section 1).
    home: String,
    believes_proxy: bool,
    nonces: Mutex<HashMap<String, Second>>,
}

impl Authority {
    pub(super) fn new(key: String, secret: String, home: String, believes_proxy: bool) -> Self {
        Self { key, secret, home, believes_proxy, nonces: Mutex::default() }
    }

    pub(super) fn check(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        params: &Params,
        now: Second,
        is_list: bool,
    ) -> Result<(), Rejected> {
        let by_tls = self.believes_proxy && headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if by_tls {
            return self.check_plain(authorization, params, is_list);
        }
        // Over plain http Basic credentials are not looked at (recorded).
        let mut signed: BTreeMap<String, String> =
            params.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if let Some(fields) = authorization.strip_prefix("OAuth ") {
            signed.extend(header_fields(fields));
        }
        if !signed.keys().any(|name| name.starts_with("oauth_")) {
            return Err(Rejected::cannot_view(is_list));
        }
        self.check_oauth(method, path, &signed, now)
    }

    fn check_plain(&self, authorization: &str, params: &Params, is_list: bool) -> Result<(), Rejected> {
        let basic = authorization.strip_prefix("Basic ").and_then(|encoded| STANDARD.decode(encoded.trim()).ok());
        let basic = basic.and_then(|decoded| String::from_utf8(decoded).ok());
        let given = match &basic {
            Some(pair) => pair.split_once(':'),
            None => params.get("consumer_key").zip(params.get("consumer_secret")),
        };
        match given {
            Some((key, secret)) if key == self.key && secret == self.secret => Ok(()),
            Some((key, _)) if key == self.key => Err(Rejected::unauthenticated("Consumer secret is invalid.")),
            // An unknown key answers exactly as none at all (recorded).
            _ => Err(Rejected::cannot_view(is_list)),
        }
    }

    fn check_oauth(
        &self,
        method: &Method,
        path: &str,
        signed: &BTreeMap<String, String>,
        now: Second,
    ) -> Result<(), Rejected> {
        let field = |name: &str| signed.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let needed =
            ["oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method"];
        let missing: Vec<_> = needed.into_iter().filter(|name| field(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(Rejected::missing_oauth(&missing));
        }
        if field("oauth_consumer_key") != Some(&self.key) {
            return Err(Rejected::unauthenticated("Consumer key is invalid."));
        }
        let signature = signature(method.as_str(), &format!("{}{path}", self.home), signed, &self.secret)
            .ok_or_else(|| Rejected::unauthenticated("Invalid signature - signature method is invalid."))?;
        if field("oauth_signature").map(|given| given.replace(' ', "+")) != Some(signature) {
            return Err(Rejected::unauthenticated("Invalid signature - provided signature does not match."));
        }
        let time = field("oauth_timestamp").and_then(|time| time.parse::<Second>().ok());
        let Some(time) = time.filter(|time| (now - time).abs() <= WINDOW_SECONDS) else {
            return Err(Rejected::unauthenticated("Invalid timestamp."));
        };
        let nonce = field("oauth_nonce").unwrap_or_default().to_owned();
        if self.is_used(nonce, time, now) {
            return Err(Rejected::unauthenticated("Invalid nonce - nonce has already been used."));
        }
        Ok(())
    }

    fn is_used(&self, nonce: String, time: Second, now: Second) -> bool {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= MAX_NONCES {
            nonces.retain(|_, used| (now - *used).abs() <= WINDOW_SECONDS / 2);
        }
        nonces.insert(nonce, time).is_some()
    }
}

/// The fields of an `Authorization: OAuth …` header.
fn header_fields(fields: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let pairs = fields.split(',').filter_map(|field| field.trim().split_once('='));
    pairs.filter(|(name, _)| *name != "realm").map(|(name, value)| (name.to_owned(), decoded(value.trim_matches('"'))))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The OAuth 1.0a signature (RFC 5849, section 3.4) with an empty token secret; `None` for an unknown method.
fn signature(method: &str, url: &str, params: &BTreeMap<String, String>, secret: &str) -> Option<String> {
    let mut pairs: Vec<_> = params
        .iter()
        .filter(|(name, _)| *name != "oauth_signature")
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let joined: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let base = format!("{method}&{}&{}", encoded(url), encoded(&joined.join("&")));
    let key = format!("{secret}&");
    match params.get("oauth_signature_method").map(String::as_str) {
        Some("HMAC-SHA256") => {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).ok()?;
            mac.update(base.as_bytes());
            Some(STANDARD.encode(mac.finalize().into_bytes()))
        }
        Some("HMAC-SHA1") => {
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).ok()?;
            mac.update(base.as_bytes());
            Some(STANDARD.encode(mac.finalize().into_bytes()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange `auth_oauth1_plain_http` recorded from a real WooCommerce.
    #[test]
    fn a_signature_that_a_real_store_took_is_ours() {
        let params = [
            ("per_page", "1"),
            ("oauth_consumer_key", "ck_1111111111111111111111111111111111111111"),
            ("oauth_nonce", "17952888025678215"),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", "1795288802"),
        ];
        let params = params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let url = "http://127.0.0.1:8088/wp-json/wc/v3/customers";
        let secret = "cs_2222222222222222222222222222222222222222";
        let expected = "zDFp5nbQaM7Wx9FB09K7K3q7hp6QBPMTliKI1gxJ6QY=";
        assert_eq!(signature("GET", url, &params, secret).as_deref(), Some(expected));
    }
}
