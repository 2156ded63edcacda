//! The `assent` program: reads its arguments, runs one command, tells how it went.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    // Two providers are compiled in (reqwest brings one, sqlx the other), so rustls has to be told which one to use.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return assent::cli::Failure::failed("the TLS provider was set up twice; this is a fault of this release")
            .tell();
    }
    match assent::cli::run(assent::cli::Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
