//! Configuration: defaults, then an optional TOML file, then `ASSENT_…` variables.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Everything that an operator can set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `ASSENT_DATA_DIR`: folder of the SQLite file and the key file. Default `data`.
    pub data_dir: PathBuf,
    /// `ASSENT_DATABASE_URL`: `sqlite:…` or `postgres:…`. Default: `assent.sqlite` in the data folder.
    pub database_url: Option<SecretString>,
    /// `ASSENT_LISTEN`: address to serve on. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `ASSENT_PUBLIC_URL`: address under which clients reach the service; the issuer of its tokens.
    /// Default: `http://` and the address it serves on.
    pub public_url: Option<String>,
    /// `ASSENT_SECRET_KEY`: 32 bytes in base64 that seal stored credentials. Default: `secret.key` in the data
    /// folder, made at first start. Set it when several replicas share a PostgreSQL.
    pub secret_key: Option<SecretString>,
    /// `ASSENT_ALLOW_PRIVATE_HOSTS`: whether stores at private addresses may be called. Default `false`.
    pub allow_private_hosts: bool,
    /// `ASSENT_LOG`: filter of the log, for example `info,assent=debug`. Default `info`.
    pub log: String,
    /// `ASSENT_LOG_FORMAT`: `text` or `json`. Default `text`.
    pub log_format: LogFormat,
    /// `ASSENT_OTLP_ENDPOINT`: address of an OpenTelemetry collector that takes OTLP over HTTP, for example
    /// `http://127.0.0.1:4318`. Traces go to `/v1/traces` below it. Default: none, and no traces are made.
    pub otlp_endpoint: Option<String>,
    /// `ASSENT_LEASE_SECONDS`: after how long a run whose worker fell silent is taken over, 1 to 60. Default 30.
    pub lease_seconds: u64,
    /// `ASSENT_SYNC_SLOTS`: how many runs that read changes, and as many passes over whole stores, this process carries out at
    /// once, 1 to 64. Default 4. PostgreSQL is connected to twice as often and eight times, at least 16 times.
    pub sync_slots: usize,
    /// `ASSENT_STORE_TIMEOUT_SECONDS`: time for one request to a store, 1 to 600. Default 60.
    pub store_timeout_seconds: u64,
    /// `ASSENT_HISTORY_DAYS`: how long runs and the records that they could not use are kept, 1 to 3650. Default 90.
    pub history_days: u32,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

#[derive(Serialize)]
struct Defaults {
    data_dir: &'static str,
    listen: &'static str,
    allow_private_hosts: bool,
    log: &'static str,
    log_format: LogFormat,
    lease_seconds: u64,
    sync_slots: usize,
    store_timeout_seconds: u64,
    history_days: u32,
}

/// Filter of the log where none is set.
pub(crate) const DEFAULT_LOG: &str = "info";

const DEFAULTS: Defaults = Defaults {
    data_dir: "data",
    listen: "127.0.0.1:8080",
    allow_private_hosts: false,
    log: DEFAULT_LOG,
    log_format: LogFormat::Text,
    lease_seconds: 30,
    sync_slots: 4,
    store_timeout_seconds: 60,
    history_days: 90,
};

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An unknown name or a value of the wrong kind. Never holds the value: it may be a secret.
    #[error("{0}")]
    Read(String),
    /// A value outside its bounds.
    #[error("{name} must be {expected}")]
    OutOfBounds {
        /// The variable.
        name: &'static str,
        /// Its bounds.
        expected: &'static str,
    },
}

impl Config {
    /// Reads the configuration; `file` is an optional TOML file with the same names in lower case.
    ///
    /// # Errors
    /// An unknown name, a value of the wrong kind or outside its bounds.
    pub fn load(file: Option<&std::path::Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(DEFAULTS));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::Read(format!("there is no configuration file {}", file.display())));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        // ASSENT_TEST_… and ASSENT_REQUIRE_… steer the test suite, not the program.
        let variables = Env::prefixed("ASSENT_").filter(|name| {
            !["test_", "require_"].iter().any(|prefix| name.as_str().to_ascii_lowercase().starts_with(prefix))
        });
        let config: Self = figment.merge(variables).extract().map_err(|error| ConfigError::Read(explain(&error)))?;
        let bounds: [(&'static str, bool, &'static str); 5] = [
            ("ASSENT_SYNC_SLOTS", (1..=64).contains(&config.sync_slots), "1 to 64"),
            ("ASSENT_OTLP_ENDPOINT", config.otlp_endpoint.as_deref().is_none_or(is_collector), COLLECTOR),
            ("ASSENT_LEASE_SECONDS", (1..=60).contains(&config.lease_seconds), "1 to 60"),
            ("ASSENT_STORE_TIMEOUT_SECONDS", (1..=600).contains(&config.store_timeout_seconds), "1 to 600"),
            ("ASSENT_HISTORY_DAYS", (1..=3650).contains(&config.history_days), "1 to 3650"),
        ];
        match bounds.into_iter().find(|(_, holds, _)| !holds) {
            None => Ok(config),
            Some((name, _, expected)) => Err(ConfigError::OutOfBounds { name, expected }),
        }
    }

    /// How long a worker may be silent before its run is taken over.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    /// How long runs are remembered.
    #[must_use]
    pub fn history(&self) -> TimeDelta {
        TimeDelta::days(self.history_days.into())
    }
}

/// What [`is_collector`] asks for.
const COLLECTOR: &str = "an http or https address without password, query and fragment";

fn is_collector(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// Says which variable (or which line of the file) is wrong and what is expected, without its value.
fn explain(error: &figment::Error) -> String {
    use figment::error::Kind;
    let in_file = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref()).map(ToString::to_string);
    let name_of = |key: &str| match &in_file {
        Some(file) => format!("{key} in {file}"),
        None => format!("ASSENT_{}", key.to_ascii_uppercase()),
    };
    let name = name_of(&error.path.join("."));
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let known: Vec<_> =
                known.iter().map(|key| if in_file.is_some() { (*key).to_owned() } else { name_of(key) }).collect();
            format!("{} is not a setting; the settings are: {}", name_of(field), known.join(", "))
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!(
                "{name} must be {}",
                if ["u32", "u64", "usize"].contains(&expected.as_str()) { "a whole number" } else { expected }
            )
        }
        Kind::UnknownVariant(_, known) => format!("{name} must be one of: {}", known.join(", ")),
        Kind::Message(message) if error.path.is_empty() => message.clone(),
        Kind::Message(message) => format!("{name} can't be used: {message}"),
        _ => format!("{name} can't be used"),
    }
}
