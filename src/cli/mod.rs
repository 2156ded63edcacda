//! The commands of the program, one file each, and what they share: options, output, exit codes.
//!
//! **Invariant:** results go to stdout, everything else to stderr, so that output can be piped.

mod account;
mod connector;
mod export;
mod migrate;
mod progress;
mod sandbox;
mod serve;
mod sync;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::app::BuildError;
use crate::config::{self, Config, ConfigError};
use crate::error::{Error, Problem};
use crate::telemetry::TelemetryError;

const AFTER_HELP: &str = "\
Configuration:
  Every setting is a variable (ASSENT_LISTEN=0.0.0.0:8080) or a line of the file given with --config
  (listen = \"0.0.0.0:8080\"); a variable wins. Without any, data goes to the folder ./data.

Exit codes:
  0  done
  1  failed; one sentence on stderr says what and what to do
  2  the command line or the configuration can't be used";

/// Connects online stores to marketing contact lists, and can prove consent.
#[derive(Debug, Parser)]
#[command(name = "assent", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// TOML file with settings.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Sandbox(sandbox::Arguments),
    Sync(sync::Arguments),
    Connector(connector::Arguments),
    Migrate(migrate::Arguments),
    Account(account::Arguments),
    Export(export::Arguments),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs: one JSON document.
    Json,
}

/// Runs one command to its end.
///
/// # Errors
/// The command failed, or its configuration can't be used.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let mut config = Config::load(cli.config.as_deref())?;
    // Log lines would tear the progress bars; warnings are worth it.
    if matches!(cli.command, Command::Sandbox(_) | Command::Sync(_) | Command::Connector(_))
        && config.log == config::DEFAULT_LOG
    {
        "warn".clone_into(&mut config.log);
    }
    let traces = crate::telemetry::init(&config)?;
    crate::telemetry::report_panics();
    let ended = carry_out(cli.command, config).await;
    traces.flush().await;
    ended
}

async fn carry_out(command: Command, config: Config) -> Result<(), Failure> {
    match command {
        Command::Serve(serve::Arguments {}) => serve::run(config).await,
        Command::Sandbox(arguments) => sandbox::run(config, arguments).await,
        Command::Sync(arguments) => sync::run(&config, arguments).await,
        Command::Connector(arguments) => connector::run(&config, arguments).await,
        Command::Migrate(arguments) => migrate::run(&config, &arguments).await,
        Command::Account(arguments) => account::run(&config, arguments).await,
        Command::Export(arguments) => export::run(&arguments),
    }
}

/// A command that did not do what it should.
#[derive(Debug)]
pub struct Failure {
    message: String,
    exit_code: u8,
}

impl Failure {
    /// The command line was in order, its work failed: exit code 1.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 1 }
    }

    /// The command line or the configuration can't be used: exit code 2.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 2 }
    }

    /// Says on stderr what went wrong.
    #[must_use]
    pub fn tell(&self) -> ExitCode {
        // When even stderr is closed, the exit code is all that is left to tell.
        drop(writeln!(std::io::stderr(), "assent: {}", self.message));
        ExitCode::from(self.exit_code)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<TelemetryError> for Failure {
    fn from(error: TelemetryError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let problem = Problem::report(&error);
        Self::failed(problem.detail.unwrap_or_else(|| problem.title.to_owned()))
    }
}

/// Prints a result.
///
/// # Errors
/// stdout is closed.
fn print(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| Failure::failed(format!("stdout can't be written: {error}")))
}

/// Prints a result as one JSON document.
///
/// # Errors
/// stdout is closed.
fn print_json(document: &serde_json::Value) -> Result<(), Failure> {
    print(&document.to_string())
}

/// A table without lines, for people and for `awk`.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(header.to_vec());
    table.add_rows(rows.iter().cloned());
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
    }
    table.trim_fmt()
}
