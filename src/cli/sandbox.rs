//! `assent sandbox`: the whole service over simulated stores, in one command.

use std::time::{Duration, Instant};

use clap::builder::RangedU64ValueParser;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::progress::{Watched, watch};
use super::{Failure, Format, print, print_json, table};
use crate::app::{self, App};
use crate::auth::{Caller, token};
use crate::config::Config;
use crate::domain::access::Scope;
use crate::domain::ids::{IntegrationId, ListId};
use crate::domain::run::SyncRun;
use crate::domain::sync::{RunMode, RunStatus};
use crate::domain::{Audience, Platform, Purpose};
use crate::sandbox::{PLATFORMS, SandboxStore, StoreOptions};
use crate::service::integrations::{self, NewIntegration};
use crate::service::{accounts, lists, statistics, syncs};
use crate::sync::worker;
