//! OAuth 1.0a request signing with HMAC-SHA256 (RFC 5849 section 3.4), with or without a token.
//!
//! WooCommerce asks for it over plain http, without a token (`vendors/woocommerce.md` section 1). Where the parameters
//! go, into the query or into a header, is the connector's choice: they are signed the same way.
//!
//! **Invariant:** the query is signed as its decoded names and values, so that it does not matter which of the
//! allowed spellings of a character is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use url::Url;

/// All but the unreserved characters of RFC 3986 is encoded (RFC 5849 section 3.6).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An identifier and the secret that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Sent with every request.
    pub(crate) key: SecretString,
    /// Never sent; signs.
    pub(crate) secret: SecretString,
}

/// Who signs: a consumer, and for three-legged access its token.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    /// The application.
    pub(crate) consumer: Pair,
    /// What the store granted it, on platforms that have tokens.
    pub(crate) token: Option<Pair>,
}

impl Signer {
    /// The `oauth_…` parameters of one request, the signature last.
    ///
    /// `url` holds the whole query of the request. A nonce must not be used twice: [`nonce`].
    pub(crate) fn parameters(
        &self,
        method: &str,
        url: &Url,
        at: DateTime<Utc>,
        nonce: String,
    ) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("oauth_consumer_key", self.consumer.key.expose_secret().to_owned()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA256".to_owned()),
            ("oauth_timestamp", at.timestamp().to_string()),
        ];
        if let Some(token) = &self.token {
            parameters.push(("oauth_token", token.key.expose_secret().to_owned()));
        }
        let signature = self.signature(&base_string(method, url, &parameters));
        parameters.push(("oauth_signature", signature));
        parameters
    }

    fn signature(&self, base_string: &str) -> String {
        let token_secret = self.token.as_ref().map_or("", |token| token.secret.expose_secret());
        let key = format!("{}&{}", encode(self.consumer.secret.expose_secret()), encode(token_secret));
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(base_string.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// A text that no earlier request carried: 128 random bits.
pub(crate) fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// RFC 5849 section 3.4.1: method, address without query, and all parameters, encoded, sorted, encoded again.
fn base_string(method: &str, url: &Url, parameters: &[(&'static str, String)]) -> String {
    let mut pairs: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| (encode(&name), encode(&value)))
        .chain(parameters.iter().map(|(name, value)| (encode(name), encode(value))))
        .collect();
    pairs.sort();
    let normalized: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}&{}&{}", method.to_uppercase(), encode(&base_address(url)), encode(&normalized.join("&")))
}

/// Scheme, host and path; a port only where it is not the scheme's own, which [`Url`] leaves out already.
fn base_address(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn pair(key: &str, secret: &str) -> Pair {
        Pair { key: key.into(), secret: secret.into() }
    }

    /// RFC 5849 section 3.4.1.1; its two body parameters stand among the signed ones.
    #[test]
    fn the_base_string_is_that_of_the_standard() {
        let url = "http://EXAMPLE.COM:80/r%20v/X?b5=%3D%253D&a3=a&c%40=&a2=r%20b".parse().unwrap();
        let parameters = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
            ("c2", ""),
            ("a3", "2 q"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        assert_eq!(
            base_string("post", &url, &parameters),
            "POST&http%3A%2F%2Fexample.com%2Fr%2520v%2FX&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540\
             %3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3D\
             HMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn brackets_and_a_port_of_its_own_are_signed() {
        let url = "http://127.0.0.1:8088/shop/rest?f%5B0%5D[x]=a,b".parse().unwrap();
        assert_eq!(
            base_string("GET", &url, &[]),
            "GET&http%3A%2F%2F127.0.0.1%3A8088%2Fshop%2Frest&f%255B0%255D%255Bx%255D%3Da%252Cb"
        );
    }

    /// The expected values were computed by another implementation (Python's hmac and urllib).
    #[test]
    fn a_token_adds_itself_and_its_secret() {
        let url: Url = "https://shop.example/rest/V1/orders".parse().unwrap();
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let two_legged = Signer { consumer: pair("ck", "c s"), token: None };
        let three_legged = Signer { token: Some(pair("tk", "t&s")), ..two_legged.clone() };
        let sign = |signer: &Signer| signer.parameters("GET", &url, at, "n".to_owned());
        assert!(sign(&two_legged).iter().all(|(name, _)| *name != "oauth_token"));
        assert!(sign(&three_legged).contains(&("oauth_token", "tk".to_owned())));
        assert_eq!(sign(&two_legged).last().unwrap().1, "9fNvntg3yJ8jI2K1gT+CSfNuRLEfJIWZsMgvR0g6v1Y=");
        assert_eq!(sign(&three_legged).last().unwrap().1, "Bnuy15VON9PukdM29AKFDenjy/x6blsQ5Ur2OfIfhUY=");
    }

    /// The signature that a real WooCommerce accepted.
    #[test]
    fn a_signature_that_a_real_store_accepted_comes_out_again() {
        let recorded: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/woocommerce/recorded/auth_oauth1_plain_http.json"))
                .unwrap();
        let sent: Vec<(String, String)> = serde_json::from_value(recorded["request"]["query"].clone()).unwrap();
        let value = |wanted: &str| sent.iter().find(|(name, _)| name == wanted).unwrap().1.clone();
        let url: Url = "http://127.0.0.1:8088/wp-json/wc/v3/customers?per_page=1".parse().unwrap();
        let signer =
            Signer { consumer: pair(&value("oauth_consumer_key"), &format!("cs_{}", "2".repeat(40))), token: None };
        let at = DateTime::from_timestamp(value("oauth_timestamp").parse().unwrap(), 0).unwrap();
        let parameters = signer.parameters("GET", &url, at, value("oauth_nonce"));
        assert_eq!(parameters.last().unwrap(), &("oauth_signature", value("oauth_signature")));
    }

    #[test]
    fn no_nonce_comes_twice() {
        let nonces: HashSet<String> = (0..1000).map(|_| nonce()).collect();
        assert_eq!(nonces.len(), 1000);
    }

    #[test]
    fn debug_hides_keys_and_secrets() {
        let shown = format!("{:?}", Signer { consumer: pair("ck_shown", "cs_shown"), token: None });
        assert!(!shown.contains("_shown"), "{shown}");
    }
}
