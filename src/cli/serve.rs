//! `assent serve`: the service itself, API and workers in one process.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Failure, print};
use crate::app::{self, App};
use crate::config::Config;
use crate::sync::workers;
use crate::{server, telemetry};

/// Run the service: the API, the scheduler with its sync workers, and the webhook workers.
///
/// Brings the tables up to date first. Syncs each store by its schedule: five minutes after its last run ended unless set
/// otherwise, and once a day as a whole. Several replicas may run on one PostgreSQL; give all of them the same
/// `ASSENT_SECRET_KEY`. SIGTERM or Ctrl-C ends it in order: open requests are finished and a running sync stops after
/// its page, to be taken up by the next process.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  assent serve
  ASSENT_LISTEN=0.0.0.0:8080 ASSENT_PUBLIC_URL=https://assent.example.com assent serve
  assent serve --config /etc/assent.toml")]
pub(super) struct Arguments {}

pub(super) async fn run(config: Config) -> Result<(), Failure> {
    telemetry::init_metrics()?;
    let (listener, config) = bind(config).await?;
    let app = app::build(&config).await?;
    let shutdown = CancellationToken::new();
    let signals = tokio::spawn(cancel_on_signal(shutdown.clone()));
    print(&format!("assent serves {}", app.public_url))?;
    let served = with_worker(app, listener, &shutdown).await;
    signals.abort();
    served
}

/// Takes the address before anything else, so that a taken one is said at once. Port 0 becomes a free one, which then
/// stands in the public address too.
pub(super) async fn bind(mut config: Config) -> Result<(TcpListener, Config), Failure> {
    let refused = |address: SocketAddr, error: &std::io::Error| {
        Failure::failed(format!(
            "{address} can't be listened on ({error}); set ASSENT_LISTEN to a free address, or to 127.0.0.1:0 for any"
        ))
    };
    let listener = TcpListener::bind(config.listen).await.map_err(|error| refused(config.listen, &error))?;
    config.listen = listener.local_addr().map_err(|error| refused(config.listen, &error))?;
    Ok((listener, config))
}

/// Serves, syncs and carries out webhooks until `shutdown`; when the server ends, so do the workers.
pub(super) async fn with_worker(app: App, listener: TcpListener, shutdown: &CancellationToken) -> Result<(), Failure> {
    let workers = tokio::spawn({
        let (app, shutdown) = (app.clone(), shutdown.clone());
        async move { workers::run(&app, &shutdown).await }
    });
    let served = server::serve(listener, app, shutdown.clone()).await;
    shutdown.cancel();
    if workers.await.is_err() {
        return Err(Failure::failed("the workers ended badly; see the log"));
    }
    served.map_err(|error| Failure::failed(format!("the server stopped: {error}")))
}

/// Cancels on SIGTERM (orchestrators) and SIGINT (Ctrl-C).
pub(super) async fn cancel_on_signal(shutdown: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        tracing::warn!("Ctrl-C can't be heard on this machine");
        return;
    }
    tracing::info!("stopping: open requests are finished first");
    shutdown.cancel();
}
