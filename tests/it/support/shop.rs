//! A simulated store installed in a real service: what the sync tests share.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::entity::{
    consent_record, contact, contact_list, ground, integration, mapping, membership, membership_event, schedule,
    source_record, sync_page, sync_run,
};
use assent::app::App;
use assent::auth::Caller;
use assent::connectors::{Settings, settings_of};
use assent::domain::ids::{IntegrationId, ListId, SyncRunId};
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform, contact_rules};
use assent::sandbox::{SandboxStore, StoreOptions};
use assent::service;
use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::app::TestApp;

/// An account with one installed store whose audiences are all mapped, each to a list of its own.
pub(crate) struct Installed {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    pub(crate) integration: IntegrationId,
    pub(crate) lists: BTreeMap<Audience, ListId>,
}

/// The same with the simulated store behind it.
pub(crate) struct Shop {
    pub(crate) store: SandboxStore,
    installed: Installed,
}

impl std::ops::Deref for Shop {
    type Target = Installed;

    fn deref(&self) -> &Installed {
        &self.installed
    }
}

impl std::ops::DerefMut for Shop {
    fn deref_mut(&mut self) -> &mut Installed {
        &mut self.installed
    }
}

impl Shop {
    /// Starts a store, makes an account and installs the store in it.
    pub(crate) async fn open(test: &TestApp, platform: Platform, options: StoreOptions) -> Self {
        let options = StoreOptions { clock: test.clock.clone(), ..options };
        let store = SandboxStore::start(platform, options).await.expect("a simulated store starts");
        Self::over(&test.app, store).await
    }

    /// Makes an account and installs a running store in it.
    pub(crate) async fn over(app: &App, store: SandboxStore) -> Self {
        let installed = Installed::new(app, store.platform(), store.settings()).await;
        Self { store, installed }
    }

    /// Installs another store in the same account, with its audiences going to the same lists.
    pub(crate) async fn second(&self, test: &TestApp, options: StoreOptions) -> Self {
        let options = StoreOptions { clock: test.clock.clone(), ..options };
        let store = SandboxStore::start(self.store.platform(), options).await.expect("a simulated store starts");
        let integration = install(&self.app, &self.caller, store.platform(), store.settings(), &self.lists).await;
        let installed =
            Installed { app: self.app.clone(), caller: self.caller.clone(), integration, lists: self.lists.clone() };
        Self { store, installed }
    }
    /// The addresses that ought to be on an audience, as the store knows them.
    pub(crate) fn truth(&self, audience: Audience) -> BTreeSet<String> {
        let mut addresses = BTreeSet::new();
        let mut from = 0;
        loop {
            let truths = self.store.truths(from, 500);
            if truths.is_empty() {
                return addresses;
            }
            from += 500;
            let on = truths.into_iter().filter(|truth| truth.audiences.contains(&audience));
            addresses.extend(on.filter_map(|truth| truth.address));
        }
    }

    /// Asserts that all lists hold exactly whom they ought to.
    pub(crate) async fn assert_true(&self) {
        for audience in self.lists.keys().copied() {
            let (on, truth) = (self.on(audience).await, self.truth(audience));
            let missing: Vec<_> = truth.difference(&on).take(5).collect();
            let surplus: Vec<_> = on.difference(&truth).take(5).collect();
            assert!(
                missing.is_empty() && surplus.is_empty(),
                "{audience}: {} on the list, {} ought to be; missing {missing:?}, surplus {surplus:?}",
                on.len(),
                truth.len()
            );
        }
    }
}

impl Installed {
    /// Makes an account and installs a store in it, with all audiences of the platform mapped.
    pub(crate) async fn new(app: &App, platform: Platform, settings: Value) -> Self {
        let owner = format!("{}@example.com", Uuid::new_v4());
        let account = service::accounts::create(app, "Test", &owner).await.expect("an account can be made");
        let caller = Caller::operator(account.account_id);
        let mut lists = BTreeMap::new();
        for audience in contact_rules::of(platform).audiences() {
            let purpose = if *audience == Audience::Subscribers { "marketing" } else { "other" };
            lists.insert(*audience, new_list(app, &caller, &format!("Store {audience}"), purpose).await);
        }
        let integration = install(app, &caller, platform, settings, &lists).await;
        Self { app: app.clone(), caller, integration, lists }
    }

    /// Makes a list.
    pub(crate) async fn new_list(&self, name: &str, purpose: &str) -> ListId {
        new_list(&self.app, &self.caller, name, purpose).await
    }

    /// How many rows there are of everything that a person leaves behind, and when the last of them was written.
    pub(crate) async fn rows(&self) -> Vec<(&'static str, u64)> {
        let db = &self.app.db;
        let newest = source_record::Entity::find()
            .order_by_desc(source_record::Column::ChangedAt)
            .one(db)
            .await
            .expect("records can be read");
        let newest = newest.map_or(0, |record| record.changed_at.timestamp().unsigned_abs());
        vec![
            ("contacts", contact::Entity::find().count(db).await.expect("rows can be counted")),
            ("source records", source_record::Entity::find().count(db).await.expect("rows can be counted")),
            ("memberships", membership::Entity::find().count(db).await.expect("rows can be counted")),
            ("grounds", ground::Entity::find().count(db).await.expect("rows can be counted")),
            ("events", membership_event::Entity::find().count(db).await.expect("rows can be counted")),
            ("consents", consent_record::Entity::find().count(db).await.expect("rows can be counted")),
            ("pages", sync_page::Entity::find().count(db).await.expect("rows can be counted")),
            ("second of the last change", newest),
        ]
    }

    /// Who is on which list, with what each membership rests on, in words that don't change from run to run; repetitions show.
    pub(crate) async fn members(&self) -> Vec<String> {
        let db = &self.app.db;
        let addresses: BTreeMap<Uuid, String> = contact::Entity::find()
            .all(db)
            .await
            .expect("contacts can be read")
            .into_iter()
            .map(|contact| (contact.id, contact.email_normalized))
            .collect();
        let records: BTreeMap<Uuid, String> = source_record::Entity::find()
            .all(db)
            .await
            .expect("records can be read")
            .into_iter()
            .map(|record| (record.id, format!("{}/{}", record.stream, record.store_id)))
            .collect();
        let grounds = ground::Entity::find().all(db).await.expect("grounds can be read");
        let mut members: Vec<String> = grounds
            .into_iter()
            .map(|ground| {
                let record = ground.source_record_id.and_then(|id| records.get(&id));
                format!("{} as {:?} by {record:?}", addresses[&ground.contact_id], ground.audience)
            })
            .collect();
        members.sort_unstable();
        members
    }

    /// Every join, leave and consent, in words that don't change from run to run; repetitions show.
    pub(crate) async fn story(&self) -> Vec<String> {
        let db = &self.app.db;
        let contacts = contact::Entity::find().all(db).await.expect("contacts can be read");
        let addresses: BTreeMap<Uuid, String> =
            contacts.into_iter().map(|contact| (contact.id, contact.email_normalized)).collect();
        let events = membership_event::Entity::find().all(db).await.expect("events can be read");
        let consents = consent_record::Entity::find().all(db).await.expect("consents can be read");
        let mut story: Vec<String> = events
            .into_iter()
            .map(|event| {
                let who = &addresses[&event.contact_id];
                format!("{who} {} as {:?} because {}", event.kind, event.audience, event.cause)
            })
            .chain(consents.into_iter().map(|consent| {
                let who = consent.contact_id.and_then(|id| addresses.get(&id));
                format!("{who:?} {} ({:?})", consent.event_type, consent.text)
            }))
            .collect();
        story.sort_unstable();
        story
    }

    /// Runs a sync to its end and gives its row.
    pub(crate) async fn sync(&self, mode: RunMode) -> sync_run::Model {
        let run =
            service::syncs::start(&self.app, &self.caller, self.integration, mode).await.expect("a run can be queued");
        assent::sync::worker::run_one(&self.app, run, &CancellationToken::new()).await;
        self.run(run).await
    }

    /// A run as it stands.
    pub(crate) async fn run(&self, run: SyncRunId) -> sync_run::Model {
        let row = sync_run::Entity::find_by_id(run.0).one(&self.app.db).await.expect("runs can be read");
        row.expect("the run is there")
    }

    /// The run once it has this status, within a minute.
    pub(crate) async fn reached(&self, run: SyncRunId, status: &str) -> sync_run::Model {
        let reached = async {
            loop {
                let row = self.run(run).await;
                if row.status == status {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_mins(1), reached).await;
        in_time.unwrap_or_else(|_| panic!("the run becomes {status} in time"))
    }

    /// The normalised addresses on the list of an audience.
    pub(crate) async fn on(&self, audience: Audience) -> BTreeSet<String> {
        let Some(list) = self.lists.get(&audience) else { return BTreeSet::new() };
        let contacts: Vec<Uuid> = membership::Entity::find()
            .select_only()
            .column(membership::Column::ContactId)
            .filter(membership::Column::ListId.eq(list.0))
            .into_tuple()
            .all(&self.app.db)
            .await
            .expect("memberships can be read");
        let mut addresses = BTreeSet::new();
        for contacts in contacts.chunks(5_000) {
            let rows: Vec<String> = contact::Entity::find()
                .select_only()
                .column(contact::Column::EmailNormalized)
                .filter(contact::Column::Id.is_in(contacts.iter().copied()))
                .into_tuple()
                .all(&self.app.db)
                .await
                .expect("contacts can be read");
            addresses.extend(rows);
        }
        addresses
    }
}

async fn new_list(app: &App, caller: &Caller, name: &str, purpose: &str) -> ListId {
    let now = app.clock.now();
    let list = ListId::at(now);
    let row = contact_list::ActiveModel {
        id: Set(list.0),
        account_id: Set(caller.account_id.0),
        name: Set(name.to_owned()),
        name_key: Set(name.to_lowercase()),
        purpose: Set(purpose.to_owned()),
        created_at: Set(now),
        updated_at: Set(now),
    };
    contact_list::Entity::insert(row).exec_without_returning(&app.db).await.expect("a list can be made");
    list
}

/// Later than any test.
pub(crate) fn never() -> DateTime<Utc> {
    DateTime::from_timestamp(32_503_680_000, 0).expect("this is a time")
}

/// Installs a store with its audiences mapped to these lists.
pub(crate) async fn install(
    app: &App,
    caller: &Caller,
    platform: Platform,
    settings: Value,
    lists: &BTreeMap<Audience, ListId>,
) -> IntegrationId {
    let now = app.clock.now();
    let id = IntegrationId::at(now);
    let fields = settings_of(platform);
    let all = settings.as_object().expect("settings are an object").clone();
    let settings = Settings::parse(fields, all).expect("the store's own settings fit");
    let sealed = app
        .sealer
        .seal(&format!("integration/{id}"), settings.secrets_json().expose_secret().as_bytes())
        .expect("secrets can be sealed");
    let row = integration::ActiveModel {
        id: Set(id.0),
        account_id: Set(caller.account_id.0),
        platform: Set(platform.as_str().to_owned()),
        name: Set(format!("Store {id}")),
        name_key: Set(format!("store {id}")),
        settings: Set(settings.public.into()),
        credentials: Set(sealed),
        state: Set("active".to_owned()),
        state_code: Set(None),
        state_detail: Set(None),
        notices: Set(json!([])),
        watermarks: Set(json!({})),
        shrink_percent: Set(20),
        shrink_at_least: Set(50),
        synced_at: Set(None),
        as_at: Set(None),
        full_synced_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        reading_changed_at: Set(now),
    };
    integration::Entity::insert(row).exec_without_returning(&app.db).await.expect("an integration can be made");
    let planned = schedule::ActiveModel {
        integration_id: Set(id.0),
        account_id: Set(caller.account_id.0),
        interval_seconds: Set(300),
        full_pass_time: Set(None),
        full_pass_zone: Set(None),
        // No test is disturbed by a run that it did not begin.
        next_run_at: Set(never()),
        next_full_pass_at: Set(None),
        failures: Set(0),
        full_pass_failures: Set(0),
        failing_since: Set(None),
        held_code: Set(None),
        held_run_id: Set(None),
    };
    schedule::Entity::insert(planned).exec_without_returning(&app.db).await.expect("it can be planned");
    for (audience, list) in lists {
        let row = mapping::ActiveModel {
            integration_id: Set(id.0),
            audience: Set(audience.as_str().to_owned()),
            account_id: Set(caller.account_id.0),
            list_id: Set(list.0),
        };
        mapping::Entity::insert(row).exec_without_returning(&app.db).await.expect("an audience can be mapped");
    }
    id
}
