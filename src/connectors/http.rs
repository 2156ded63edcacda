//! The one way to a store: time-outs, a body cap, pace, redaction, and one table from status to error.
//!
//! **Invariant:** no address, path, header, query or body of a store is logged; a request is one line with platform, method,
//! what came of it and how long it took. Nothing else happens within it that a span would have to hold together.

mod asking;
mod download;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use tracing::Instrument as _;

use self::asking::{Asking, Operation};
use super::ConnectorError;
use super::token::{TokenCache, Tokens};
use crate::domain::Platform;

pub(crate) use download::Lines;
pub use pace::{Pace, ahead};

/// Largest answer read from a store. A page of 250 Shopify customers is under 1 MiB; orders can be ten times that.
pub const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a whole request. Shared hosting is slow: `vendors/woocommerce.md` section 5.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest wait that a store may ask for; beyond it the run fails and the next one tries.
pub const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);

/// Whether stores at loopback, private and link-local addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPolicy {
    /// Only addresses of the public internet.
    PublicOnly,
    /// Any address: `ASSENT_ALLOW_PRIVATE_HOSTS=true`, and the sandbox.
    AllowPrivate,
}

/// The shared client. Cheap to clone; one per process.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    policy: HostPolicy,
    /// Time for a whole answer, or for the next bytes of a download.
    timeout: Duration,
    paces: Arc<std::sync::Mutex<HashMap<String, Weak<Pace>>>>,
    tokens: Arc<TokenCache>,
}

impl Http {
    /// Builds the client once, at start.
    ///
    /// # Errors
    /// The machine has no usable TLS set-up (for example no system certificates).
    pub fn new(policy: HostPolicy, request_timeout: Option<Duration>) -> Result<Self, reqwest::Error> {
        let timeout = request_timeout.unwrap_or(REQUEST_TIMEOUT);
        let client = reqwest::Client::builder()
            .user_agent(concat!("Assent/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(GuardedResolver(policy)))
            // WordPress answers maintenance and database failures as HTML unless asked for JSON.
            .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]))
            .build()?;
        Ok(Self { client, policy, timeout, paces: Arc::default(), tokens: Arc::default() })
    }

    /// The pace of a store, one for all that talk to it in this process. `store` names it and the credentials whose
    /// budget it is, without secrets.
    #[must_use]
    pub fn pace(&self, platform: Platform, store: &str) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces.retain(|_, pace| pace.strong_count() > 0);
        let key = format!("{platform} {store}");
        if let Some(pace) = paces.get(&key).and_then(Weak::upgrade) {
            return pace;
        }
        let pace = Arc::new(Pace::default());
        paces.insert(key, Arc::downgrade(&pace));
        pace
    }

    /// The access token of a store's credentials, one for all that use them in this process; `new` where there is none
    /// yet. `parts` are all that tells them from others, the secret too: only a hash of them is kept.
    pub(super) fn tokens(&self, platform: Platform, parts: &[&str], new: impl FnOnce() -> Tokens) -> Arc<Tokens> {
        self.tokens.of(platform, parts, new)
    }

    /// Whether stores at private addresses may be called.
    #[must_use]
    pub const fn policy(&self) -> HostPolicy {
        self.policy
    }

    /// Starts the description of a request.
    pub fn request(&self, method: reqwest::Method, url: url::Url) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request, at the store's pace, and reads the whole answer.
    ///
    /// `cost` is what the request takes from the store's budget. Any status is an answer here; see
    /// [`Answer::checked`].
    ///
    /// # Errors
    /// No connection, no answer in time, an answer over [`MAX_BODY_BYTES`], or a private address.
    pub async fn send(
        &self,
        platform: Platform,
        pace: &Pace,
        cost: f64,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, ConnectorError> {
        self.send_for(None, platform, pace, cost, request).await
    }

    /// The same for an operation that is known by a name rather than by its path.
    ///
    /// # Errors
    /// As of [`Self::send`].
    pub async fn send_for(
        &self,
        operation: Option<&'static str>,
        platform: Platform,
        pace: &Pace,
        cost: f64,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, ConnectorError> {
        let request = request.build().map_err(|_| ConnectorError::Refused { status: 0 })?;
        self.admit(request.url())?;
        let _turn = pace.wait(platform, cost).await;
        let operation = operation.map_or(Operation::Path(request.url()), Operation::Named);
        let asking = Asking::begin(platform, request.method(), operation);
        let result = self.exchange(request).instrument(asking.span.clone()).await;
        asking.ended(result.as_ref().map(|answer| answer.status));
        result
    }

    /// Whether an address may be called, as far as its text tells.
    fn admit(&self, url: &url::Url) -> Result<(), ConnectorError> {
        let is_private = url.host().is_some_and(|host| is_private_literal(&host));
        if self.policy == HostPolicy::PublicOnly && is_private { Err(ConnectorError::PrivateHost) } else { Ok(()) }
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Answer, ConnectorError> {
        let mut response = self.client.execute(request).await.map_err(|error| transport_error(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| transport_error(&error))? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(ConnectorError::TooLarge { limit: MAX_BODY_BYTES });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

fn transport_error(error: &reqwest::Error) -> ConnectorError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if cause.is::<PrivateAddress>() {
            return ConnectorError::PrivateHost;
        }
        source = cause.source();
    }
    if error.is_timeout() {
        ConnectorError::TimedOut
    } else if error.is_body() || error.is_decode() {
        ConnectorError::BadAnswer { what: "the whole body" }
    } else {
        ConnectorError::Unreachable
    }
}

/// A store's answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: reqwest::StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, unpacked.
    pub body: Bytes,
}

impl Answer {
    /// The answer if its status is a success, else the error that stands for the status.
    ///
    /// # Errors
    /// See the table in the code.
    pub fn checked(self) -> Result<Self, ConnectorError> {
        let after = self.retry_after();
        Err(match self.status.as_u16() {
            200..=299 => return Ok(self),
            // Never followed: credentials and signatures are for one address.
            300..=399 => ConnectorError::Moved,
            401 => ConnectorError::CredentialsRejected,
            403 => ConnectorError::Forbidden { what: "the store forbids this request".into() },
            404 | 410 => ConnectorError::NotThere { what: "such API" },
            408 => ConnectorError::TimedOut,
            // 430 is Shopify's "suspected malicious traffic": slow down.
            429 | 430 => ConnectorError::Throttled { after },
            status @ 500..=599 => ConnectorError::StoreFailed { status, after },
            status => ConnectorError::Refused { status },
        })
    }

    /// The body as JSON of the vendor's shape.
    ///
    /// # Errors
    /// Truncated, not JSON, or of another shape.
    pub fn json<T: serde::de::DeserializeOwned>(&self, what: &'static str) -> Result<T, ConnectorError> {
        serde_json::from_slice(&self.body).map_err(|_| ConnectorError::BadAnswer { what })
    }

    /// `Retry-After`, at most [`MAX_RETRY_AFTER`]: in seconds (also decimal, as Shopify sends it), or as a date, which is
    /// taken against the answer's own `Date`, so that the store's clock need not be ours.
    fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => {
                Duration::from_secs_f64(seconds.min(MAX_RETRY_AFTER.as_secs_f64()))
            }
            Ok(_) => return None,
            Err(_) => {
                let answered = self.headers.get(DATE)?.to_str().ok()?;
                let (until, from) =
                    (DateTime::parse_from_rfc2822(text).ok()?, DateTime::parse_from_rfc2822(answered).ok()?);
                (until - from).to_std().unwrap_or(Duration::ZERO)
            }
        };
        Some(wait.min(MAX_RETRY_AFTER))
    }
}

/// A name that leads to an address we do not call.
#[derive(Debug, thiserror::Error)]
#[error("the host resolves to a private address")]
struct PrivateAddress;

/// Resolves names and refuses private addresses, at the moment of connecting, so that a name can't change its mind.
#[derive(Debug)]
struct GuardedResolver(HostPolicy);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if policy == HostPolicy::PublicOnly && addresses.iter().any(|address| is_private(address.ip())) {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn is_private_literal(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Ipv4(ip) => is_private((*ip).into()),
        url::Host::Ipv6(ip) => is_private((*ip).into()),
        url::Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Loopback, private, link-local, shared, benchmarking, multicast and unspecified addresses, and those of IPv6 by which a
/// translator or relay leads to one of them.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                || a == 0
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
        }
        IpAddr::V6(ip) => {
            let [first, second, third, ..] = ip.segments();
            ip.is_multicast()
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                // For translators of one's own network (RFC 8215).
                || (first, second, third) == (0x64, 0xff9b, 1)
                || embedded(ip).is_some_and(|ip| is_private(ip.into()))
        }
    }
}

/// The IPv4 address within an address that only leads to it: NAT64 (RFC 6052), 6to4 (RFC 3056), and the old compatible
/// form (RFC 4291), which the unspecified and the loopback address have, too.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] | [0, 0, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    }
}

mod pace;

#[cfg(test)]
mod tests;
