//! Where spans go: batches of them to a collector, by OTLP over HTTP.
//!
//! **Invariant:** a collector that is slow or away costs nothing but the spans: they wait in a bounded queue on a thread of
//! their own and are dropped when it is full, one line in the log says so, and a stop waits for it no longer than
//! [`FLUSH`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

use super::TelemetryError;

/// How long a stop waits until the last spans are delivered.
const FLUSH: Duration = Duration::from_secs(5);
/// Time for one batch.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Where a collector takes traces, by the OTLP specification.
const PATH: &str = "/v1/traces";

/// What delivers spans; nothing where no collector is configured.
#[derive(Debug, Default)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Begins to deliver to a collector.
    ///
    /// # Errors
    /// The address is not one, or there is no TLS.
    pub(super) fn to(endpoint: &str) -> Result<(Self, SdkTracer), TelemetryError> {
        let client = Client::new().map_err(|_| TelemetryError::Collector)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}{PATH}", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|_| TelemetryError::Collector)?;
        let resource = Resource::builder()
            .with_service_name("assent")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let tracer = provider.tracer("assent");
        Ok((Self(Some(provider)), tracer))
    }

    /// Delivers what is left, in bounded time. Afterwards no span goes anywhere.
    pub async fn flush(self) {
        let Some(provider) = self.0 else { return };
        // It blocks, and needs the runtime to deliver.
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be delivered");
        }
    }
}

/// Delivers batches on the service's own runtime: the thread that makes them has none.
#[derive(Debug, Clone)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    has_warned: Arc<AtomicBool>,
}

impl Client {
    fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, runtime: Handle::current(), has_warned: Arc::default() })
    }

    async fn deliver(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.http.execute(request.try_into()?).await?;
        let status = answer.status();
        let mut response = Response::new(answer.bytes().await?);
        *response.status_mut() = status;
        Ok(response)
    }

    /// Says once that traces get lost; a collector that is away must not fill the log.
    fn warn(&self) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("traces can't be delivered; check ASSENT_OTLP_ENDPOINT and that the collector runs");
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let delivered = self.runtime.spawn(self.clone().deliver(request)).await;
        let delivered = delivered.map_err(HttpError::from).flatten();
        if !delivered.as_ref().is_ok_and(|response| response.status().is_success()) {
            self.warn();
        }
        delivered
    }
}
