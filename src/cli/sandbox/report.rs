//! What the first syncs of the sandbox came to, for people and for programs.

use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::cli::{Failure, table};
use crate::domain::ids::{IntegrationId, ListId};
use crate::domain::run::SyncRun;
use crate::domain::sync::RunStatus;
use crate::domain::{Audience, Platform, Purpose};
use crate::sandbox::{SandboxStore, Truth};
use crate::service::statistics::{self, Statistics};
use crate::service::{integrations, lists};

/// Headers of the commands to paste, quoted for a shell.
const BEARER: &str = "\"Authorization: Bearer $TOKEN\"";
const JSON: &str = "'Content-Type: application/json'";

/// A store of the sandbox, installed.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) id: IntegrationId,
    pub(super) platform: Platform,
    pub(super) name: String,
}

/// A list that an audience of a store goes to.
#[derive(Debug, Clone)]
struct MappedList {
    audience: Audience,
    id: ListId,
    name: String,
    purpose: Purpose,
    members: u64,
    /// Contacts that the run brought onto the list.
    joined: u64,
    /// Contacts that the run took off it.
    left: u64,
}

/// What the first syncs came to.
#[derive(Debug)]
pub(super) struct Report {
    stores: Vec<(Installed, SyncRun, Vec<MappedList>)>,
    statistics: Statistics,
    people_per_second: f64,
}

impl Report {
    /// Reads what the runs, which took `seconds` together, have done.
    ///
    /// # Errors
    /// Storage fails.
    pub(super) async fn gather(
        app: &App,
        caller: &Caller,
        installed: Vec<Installed>,
        runs: Vec<SyncRun>,
        seconds: f64,
    ) -> Result<Self, Failure> {
        let read: u64 = runs.iter().map(|run| run.counts.read).sum();
        let mut stores = Vec::with_capacity(installed.len());
        for (store, run) in installed.into_iter().zip(runs) {
            let mappings = integrations::get(app, caller, store.id).await?.mappings;
            let mut mapped = Vec::with_capacity(mappings.len());
            for (audience, id) in mappings {
                let list = lists::get(app, caller, id).await?;
                let (joined, left) = statistics::movements(app, caller, run.id, id).await?;
                mapped.push(MappedList {
                    audience,
                    id,
                    name: list.name,
                    purpose: list.purpose,
                    members: list.member_count,
                    joined,
                    left,
                });
            }
            stores.push((store, run, mapped));
        }
        let statistics = statistics::of_account(app, caller).await?;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let people_per_second = (read as f64 / seconds.max(0.001)).round();
        Ok(Self { stores, statistics, people_per_second })
    }

    /// A sentence about the runs that did not succeed, if any.
    pub(super) fn failed(&self) -> Option<String> {
        let failed = self.stores.iter().filter(|(_, run, _)| run.status != RunStatus::Succeeded);
        let sentences: Vec<String> = failed
            .map(|(store, run, _)| {
                let detail = run.failure.as_ref().map_or("it did not end well", |failure| &failure.detail);
                format!("the sync of {}: {detail}", store.name)
            })
            .collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }

    /// The one document that `--format json` prints.
    pub(super) fn to_json(&self, base_url: &str, token: &str) -> Value {
        let integrations: Vec<Value> = self
            .stores
            .iter()
            .map(|(store, run, mapped)| {
                let counts = run.counts;
                json!({
                    "platform": store.platform,
                    "id": store.id,
                    "run": {
                        "status": run.status,
                        "read": counts.read,
                        "created": counts.created,
                        "updated": counts.updated,
                        "unchanged": counts.unchanged,
                        "skipped": counts.skipped,
                        "quarantined": counts.quarantined,
                        "joined": counts.joined,
                        "left": counts.left,
                        "durationMs": duration_ms(run),
                    },
                    "lists": mapped.iter().map(|list| json!({
                        "audience": list.audience,
                        "id": list.id,
                        "name": list.name,
                        "purpose": list.purpose,
                        "members": list.members,
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "integrations": integrations,
            "contacts": self.statistics.contacts,
            "consentRecords": self.statistics.consent_records,
            "peoplePerSecond": self.people_per_second,
            "peakRssBytes": peak_rss_bytes(),
            "baseUrl": base_url,
            "token": token,
        })
    }

    /// The same for people.
    pub(super) fn to_text(&self) -> String {
        let header = ["store", "audience", "list", "members", "joined", "left", "quarantined"];
        let mut rows = Vec::new();
        for (store, run, mapped) in &self.stores {
            for list in mapped {
                rows.push(vec![
                    store.name.clone(),
                    list.audience.to_string(),
                    list.name.clone(),
                    list.members.to_string(),
                    list.joined.to_string(),
                    list.left.to_string(),
                    run.counts.quarantined.to_string(),
                ]);
            }
        }
        let Statistics { contacts, consent_records } = self.statistics;
        let rate = self.people_per_second;
        let table = table(&header, &rows);
        format!("{table}\n\n{contacts} contacts, {consent_records} consent records, {rate} people a second\n")
    }

    /// Where everything is, and commands to paste: ask for the lists, opt somebody out in a store, sync it.
    pub(super) fn what_to_try(&self, base_url: &str, token: &str, stores: &[SandboxStore]) -> String {
        let changes: Vec<String> = stores
            .iter()
            .zip(&self.stores)
            .map(|(store, (installed, ..))| {
                let somebody = somebody_opted_in(store, stores).unwrap_or_else(|| "ADDRESS".to_owned());
                format!(
                    "\n\n# {}\n\
                     curl -s -H {JSON} {} -d '{{\"change\":\"optOut\",\"email\":\"{somebody}\"}}'\n\
                     curl -s -H {BEARER} -H {JSON} \\\n\
                     \x20 {base_url}/v1/integrations/{}/syncs -d '{{\"mode\":\"incremental\"}}'",
                    store.name(),
                    store.control_url(),
                    installed.id,
                )
            })
            .collect();
        format!(
            "API            {base_url}/v1\n\
             documentation  {base_url}/docs\n\
             GraphQL        {base_url}/graphql\n\n\
             Paste this first; the token is good for an hour:\n\n\
             TOKEN={token}\n\n\
             Then, for example:\n\n\
             curl -s -H {BEARER} {base_url}/v1/lists\n\n\
             curl -s -H {BEARER} -H {JSON} {base_url}/graphql \\\n\
             \x20 -d '{{\"query\":\"{{ lists(first: 5) {{ edges {{ node {{ name purpose memberCount }} }} }} }}\"}}'\n\n\
             The stores can be changed (docs/sandbox.md). Opt somebody out, sync, and ask for the lists again:{}\n",
            changes.concat(),
        )
    }
}

/// Address of an account that opted in here and that no other store knows, so that opting out is seen on the list.
fn somebody_opted_in(store: &SandboxStore, stores: &[SandboxStore]) -> Option<String> {
    let others: Vec<&SandboxStore> = stores.iter().filter(|other| other.base_url() != store.base_url()).collect();
    let is_known_elsewhere = |address: &str| {
        others.iter().any(|other| other.truth(address).is_some_and(|truth| !truth.audiences.is_empty()))
    };
    let fits = |person: &Truth| {
        person.audiences.contains(&Audience::Subscribers)
            && person.records.iter().any(|record| record.stream == "customers")
            && person.address.as_deref().is_some_and(|address| !is_known_elsewhere(address))
    };
    store.truths(0, 100).into_iter().find(fits)?.address
}

fn duration_ms(run: &SyncRun) -> i64 {
    match (run.started_at, run.finished_at) {
        (Some(started), Some(finished)) => (finished - started).num_milliseconds(),
        _ => 0,
    }
}

/// Most memory that this process ever held, in bytes; 0 where the system does not tell it in Linux's way.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
