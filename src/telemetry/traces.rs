//! Traces: spans of requests and runs, sent to an OpenTelemetry collector where one is configured.
//!
//! Each span is made here, so that what it may say is in one place. All have one target of their own; without a collector
//! nobody listens to it, and making a span costs a look at a flag.
//!
//! **Invariant:** an attribute is a word of ours, an identifier of ours, a number or a route; never an address, a path, a
//! header, a token or anything that a store or a person wrote.

use std::fmt::Display;

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::domain::Platform;
use crate::domain::ids::{IntegrationId, SyncRunId};
use crate::domain::people::Stream;
use crate::domain::sync::RunMode;

/// The target of all spans.
pub(super) const TARGET: &str = "assent::traces";

/// A request to the service, as part of the caller's trace if it names one (W3C `traceparent`).
pub(crate) fn request(method: &str, route: &str, headers: &HeaderMap) -> Span {
    let span = info_span!(
        target: TARGET,
        "http.request",
        otel.name = format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    if !span.is_disabled() {
        let caller = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // It fails only once the span has begun.
        span.set_parent(caller).ok();
    }
    span
}

/// Tells what a request to the service was answered with.
pub(crate) fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// A run of an integration.
pub(crate) fn run(run: SyncRunId, integration: IntegrationId, platform: Option<Platform>, mode: RunMode) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "sync.run",
        otel.status_code = Empty,
        sync.run = %run,
        sync.integration = %integration,
        store.platform = platform.map(Platform::as_str),
        sync.mode = mode.as_str(),
        sync.status = Empty,
        error.code = Empty,
    )
}

/// Tells how a run ended.
pub(crate) fn ended(span: &Span, status: &'static str, failure: Option<&'static str>) {
    span.record("sync.status", status);
    if let Some(code) = failure {
        span.record("error.code", code);
        span.record("otel.status_code", "ERROR");
    }
}

/// A page of a run, from asking for it until it is written.
pub(crate) fn page(stream: Stream) -> Span {
    info_span!(target: TARGET, "sync.page", sync.stream = stream.as_str(), sync.records = Empty)
}

/// The writing of a page.
pub(crate) fn writing(page: &Span, records: usize) -> Span {
    page.record("sync.records", records);
    info_span!(target: TARGET, parent: page, "sync.write")
}

/// A batch of records that are read again after webhooks.
pub(crate) fn hints(integration: IntegrationId, urgent: bool, records: usize) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "webhook.batch",
        sync.integration = %integration,
        webhook.urgent = urgent,
        sync.records = records,
    )
}

/// A request to a store. `operation` says what for.
pub(crate) fn store_request(platform: Platform, method: &str, operation: impl Display) -> Span {
    info_span!(
        target: TARGET,
        "store.request",
        otel.name = format_args!("{platform} {operation}"),
        otel.kind = "client",
        otel.status_code = Empty,
        store.platform = platform.as_str(),
        store.operation = %operation,
        http.request.method = method,
        http.response.status_code = Empty,
        error.code = Empty,
    )
}

/// Tells what came of a request to a store: a status, or the code of an error.
pub(crate) fn came_of(span: &Span, outcome: Result<u16, &'static str>) {
    match outcome {
        Ok(status) => span.record("http.response.status_code", status),
        Err(code) => span.record("error.code", code),
    };
    if outcome.is_ok_and(|status| status < 400) {
        return;
    }
    span.record("otel.status_code", "ERROR");
}
