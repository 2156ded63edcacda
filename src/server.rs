//! The HTTP server: both transports under one roof, what holds for every request, and a stop that finishes its work.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tracing::Instrument as _;

use crate::app::{App, Streams};
use crate::error::Error;
use crate::telemetry::{HTTP_REQUESTS, HTTP_SECONDS, traces};
use crate::{graphql, rest};

/// Time for one request. Testing a connection waits for a store, whose own limit is 60 seconds by default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// How long open requests may take to finish once the service shall stop; orchestrators kill after 30 seconds.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything that the service answers.
pub fn router(app: App) -> Router {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(middleware::from_fn(observe))
        .layer(unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(unless_set(header::X_FRAME_OPTIONS, "DENY"))
        .layer(unless_set(header::REFERRER_POLICY, "no-referrer"))
        // Answers hold people's data: no cache on the way keeps them.
        .layer(unless_set(header::CACHE_CONTROL, "no-store"))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_| Error::Internal("a handler panicked".to_owned()).into_response()))
        .layer(middleware::from_fn(in_time));
    rest::router(app.clone())
        .merge(graphql::router(app))
        .fallback(rest::no_route)
        .method_not_allowed_fallback(rest::no_method)
        .layer(layers)
}

fn unless_set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Serves until `shutdown`, then lets open requests finish, for twenty seconds at most. Streams are ended at once; their
/// clients go on with another replica, or with the next process.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> std::io::Result<()> {
    let streams = Streams::until(shutdown.clone());
    let router = router(App { streams: streams.clone(), ..app });
    let server = async {
        axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned()).await?;
        streams.closed().await;
        Ok(())
    };
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        ended = server => ended,
        () = deadline => {
            tracing::warn!("requests that took too long to finish were cut off");
            Ok(())
        }
    }
}

/// Ends a request that takes too long; nothing that it began in a transaction stays.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Error::TimedOut.into_response(),
    }
}

/// Counts and logs each request by its route, never by its path: paths hold identifiers and addresses.
async fn observe(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok().map(str::to_owned));
    let route = matched.as_ref().map_or("none", MatchedPath::as_str).to_owned();
    // Any text may stand as a method; a label and a span may not take any value.
    let known = if KNOWN_METHODS.contains(&method.as_str()) { method.as_str() } else { "other" };
    let span = traces::request(known, &route, request.headers());
    let response = next.run(request).instrument(span.clone()).await;
    let seconds = started.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    tracing::info!(
        http.method = method.as_str(),
        http.route = route,
        http.status = status,
        request.id = id,
        duration_ms = seconds * 1000.0,
        "request"
    );
    traces::answered(&span, status);
    let method = known.to_owned();
    metrics::counter!(HTTP_REQUESTS, "method" => method.clone(), "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!(HTTP_SECONDS, "method" => method, "route" => route).record(seconds);
    response
}

const KNOWN_METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
