//! What is told about a request to a store: one line in the log, metrics, and a span.

use std::fmt;

use reqwest::{Method, StatusCode};
use tokio::time::Instant;
use tracing::Span;
use url::Url;

use crate::connectors::ConnectorError;
use crate::domain::Platform;
use crate::telemetry::{STORE_REQUESTS, STORE_SECONDS, traces};

/// What a request is for, in words of the platform's documentation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation<'a> {
    /// By its name.
    Named(&'static str),
    /// By what is known of the words of its path.
    Path(&'a Url),
}

/// Words of the platforms' paths. Whatever else a path holds is of the store: its own folders, names, numbers.
const WORDS: &[&str] = &[
    "_info",
    "access_token",
    "customer",
    "customer-search",
    "customers",
    "hooks",
    "newsletter-recipient",
    "order",
    "orders",
    "sales-channel",
    "search",
    "store",
    "storeConfigs",
    "storeViews",
    "subscribers",
    "token",
    "version",
    "webhook",
    "webhooks",
    "websites",
];

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Self::Named(name) => return f.write_str(name),
            Self::Path(url) => url,
        };
        let mut is_first = true;
        for segment in url.path_segments().into_iter().flatten() {
            if let Some(word) = WORDS.iter().find(|word| **word == segment) {
                f.write_str(if is_first { "" } else { "/" })?;
                f.write_str(word)?;
                is_first = false;
            }
        }
        if is_first { f.write_str("other") } else { Ok(()) }
    }
}

/// A request that is under way.
pub(super) struct Asking {
    platform: Platform,
    method: Method,
    started: Instant,
    /// Within which it is sent.
    pub(super) span: Span,
}

impl Asking {
    pub(super) fn begin(platform: Platform, method: &Method, operation: Operation<'_>) -> Self {
        let span = traces::store_request(platform, method.as_str(), operation);
        Self { platform, method: method.clone(), started: Instant::now(), span }
    }

    /// Tells what came of it.
    pub(super) fn ended(self, result: Result<StatusCode, &ConnectorError>) {
        let platform = self.platform.as_str();
        let outcome = match result {
            Ok(status) => status.as_str().to_owned(),
            Err(error) => error.code().to_owned(),
        };
        let seconds = self.started.elapsed().as_secs_f64();
        traces::came_of(&self.span, result.map(|status| status.as_u16()).map_err(ConnectorError::code));
        metrics::histogram!(STORE_SECONDS, "platform" => platform).record(seconds);
        metrics::counter!(STORE_REQUESTS, "platform" => platform, "outcome" => outcome.clone()).increment(1);
        tracing::debug!(
            store.platform = platform,
            http.method = self.method.as_str(),
            http.outcome = outcome,
            duration_ms = seconds * 1000.0,
            "store request"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_holds_no_word_of_the_store() {
        for (url, operation) in [
            ("https://shop.example/anna/wp-json/wc/v3/customers?email=anna@example.com", "customers"),
            ("https://shop.example/wp-json/wc/v3/orders/4711", "orders"),
            ("https://shop.example/rest/all/V1/customers/search?fields=items", "customers/search"),
            ("https://api.example/organizations/f_ecom_x/customer-lists/anna/customer-search", "customer-search"),
            ("https://shop.example/anna@example.com", "other"),
            ("https://shop.example", "other"),
        ] {
            assert_eq!(Operation::Path(&url.parse().unwrap()).to_string(), operation);
        }
        assert_eq!(Operation::Named("Customers").to_string(), "Customers");
    }
}
