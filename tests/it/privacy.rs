//! What people may ask for by law: their data, and their erasure.

// So that the lints for tests hold for the helpers, too.
#![cfg(test)]

use ::entity::{consent_record, contact, membership_event, opt_out, source_record, suppression};
use assent::domain::consent::ConsentEvent;
use assent::domain::ids::{ContactId, ListId};
use assent::domain::people::{StoreId, Stream};
use assent::domain::privacy::{PrivacyKind, PrivacyRequest, PrivacyState, PrivacySubject, RecordedRequest};
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Clock as _, Platform};
use assent::sandbox::{Change, StoreOptions};
use assent::service::consents::NewConsent;
use assent::service::{self, consents, erasure, export, privacy};
use assent::store::{begin, ledger};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait as _, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, Set};
use uuid::Uuid;

use crate::support::app::TestApp;
use crate::support::consent::consent;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::{Installed, Shop};

both_databases!(
    an_erased_person_is_gone_and_no_sync_brings_them_back,
    an_erased_person_who_agrees_later_is_known_again,
    a_store_s_request_erases_by_its_own_ids,
    a_data_request_hands_over_everything,
    a_store_that_left_takes_everything_with_it_that_nobody_else_knows,
    evidence_loses_its_personal_part_and_nothing_else,
    what_was_forged_or_blanked_without_an_erasure_is_found,
);

mod left_behind;

async fn shopify(test: &TestApp, people: u64) -> Shop {
    let shop = Shop::open(test, Platform::Shopify, StoreOptions { people, ..StoreOptions::generous() }).await;
    let run = shop.sync(RunMode::Full).await;
    assert_eq!(run.status, "succeeded");
    test.clock.advance(TimeDelta::minutes(1));
    shop
}

/// Somebody who is on both lists.
async fn somebody(shop: &Installed) -> (String, ContactId) {
    let both = shop.on(Audience::Customers).await;
    let email = shop.on(Audience::Subscribers).await.into_iter().find(|email| both.contains(email));
    let email = email.expect("a customer is subscribed");
    let id = contact_of(shop, &email).await;
    (email, id)
}

/// The contact with an address.
pub(crate) async fn contact_of(shop: &Installed, email: &str) -> ContactId {
    let by_address = contact::Column::EmailNormalized.eq(email);
    let row = contact::Entity::find().filter(by_address).one(&shop.app.db).await.unwrap();
    row.expect("there is a contact").id.into()
}

/// Fails if anything still tells about the person.
pub(crate) async fn assert_gone(shop: &Installed, email: &str, id: ContactId) {
    let db = &shop.app.db;
    let contacts = contact::Entity::find().filter(contact::Column::EmailNormalized.eq(email)).count(db).await.unwrap();
    let by_address = source_record::Column::EmailNormalized.eq(email);
    let records = source_record::Entity::find().filter(by_address).count(db).await.unwrap();
    let linked = source_record::Column::ContactId.eq(id.0);
    let linked = source_record::Entity::find().filter(linked).count(db).await.unwrap();
    let noes = opt_out::Entity::find().filter(opt_out::Column::EmailNormalized.eq(email)).count(db).await.unwrap();
    let about = consent_record::Column::ContactId.eq(id.0);
    let consents = consent_record::Entity::find().filter(about).count(db).await.unwrap();
    assert_eq!((contacts, records, linked, noes, consents), (0, 0, 0, 0, 0));
    let verification = ledger::verify(db, shop.caller.account_id).await.unwrap();
    assert_eq!(verification.first_bad_sequence, None, "the chain verifies");
    assert!(verification.records > 0);
}

/// Records a store's request as taking its delivery in does, and carries it out.
async fn request(shop: &Installed, kind: PrivacyKind, subject: PrivacySubject) -> RecordedRequest {
    let tx = begin(&shop.app.db).await.unwrap();
    let request = PrivacyRequest { kind, subject };
    privacy::record(&shop.app, &tx, shop.caller.account_id, shop.integration, &request).await.unwrap();
    tx.commit().await.unwrap();
    let open = requests(shop, Some(PrivacyState::Open)).await;
    let [open] = open.as_slice() else { panic!("{} open requests", open.len()) };
    assert_eq!(open.due_at - open.received_at, TimeDelta::days(30), "the deadline stands there from the beginning");
    assert_eq!(privacy::carry_out_due(&shop.app).await, 1);
    assert_eq!(privacy::carry_out_due(&shop.app).await, 0, "once");
    privacy::get(&shop.app, &shop.caller, open.id).await.unwrap()
}

/// What the integration says is waiting for somebody.
async fn waiting(shop: &Installed) -> Vec<String> {
    let integration = service::integrations::get(&shop.app, &shop.caller, shop.integration).await.unwrap();
    integration.notices.into_iter().map(|notice| notice.code).collect()
}

fn yes(email: &str, at: DateTime<Utc>, list: ListId) -> NewConsent {
    NewConsent { lists: vec![list], ..consent(email, ConsentEvent::Granted, at) }
}

async fn requests(shop: &Installed, state: Option<PrivacyState>) -> Vec<RecordedRequest> {
    let all = assent::domain::page::Window::first(50, None);
    privacy::list(&shop.app, &shop.caller, state, &all).await.unwrap().items
}

async fn an_erased_person_is_gone_and_no_sync_brings_them_back(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 120).await;
    let (email, id) = somebody(&shop).await;
    let done = erasure::erase(&shop.app, &shop.caller, id).await.unwrap();
    assert_eq!((done.state, done.kind, done.integration_id), (PrivacyState::Done, PrivacyKind::Redact, None));
    assert!(!done.outcome.expect("words").contains(&email));
    assert_gone(&shop, &email, id).await;
    let events = membership_event::Entity::find()
        .filter(membership_event::Column::ContactId.eq(id.0))
        .filter(membership_event::Column::Cause.eq("erased"))
        .all(&shop.app.db)
        .await
        .unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "left").count(), 2, "each list was left, with the cause");
    test.clock.advance(TimeDelta::days(1));
    for mode in [RunMode::Incremental, RunMode::Full] {
        assert_eq!(shop.sync(mode).await.status, "succeeded");
        assert_gone(&shop, &email, id).await;
    }
    shop.store.change(&Change::GuestOrder { email: email.clone(), opt_in: Some(true) }).unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Incremental).await;
    assert_gone(&shop, &email, id).await;
    let again = erasure::erase(&shop.app, &shop.caller, id).await.unwrap_err();
    assert_eq!(again.code().as_str(), "NOT_FOUND");
}

async fn an_erased_person_who_agrees_later_is_known_again(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 60).await;
    let (email, id) = somebody(&shop).await;
    let list = shop.new_list("News", "marketing").await;
    erasure::erase(&shop.app, &shop.caller, id).await.unwrap();
    let before = yes(&email, test.clock.now() - TimeDelta::days(2), list);
    let refused = consents::submit(&shop.app, &shop.caller, before).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "CONFLICT", "an import of what was said before");
    assert_gone(&shop, &email, id).await;
    test.clock.advance(TimeDelta::minutes(2));
    let later = yes(&email, test.clock.now(), list);
    let submitted = consents::submit(&shop.app, &shop.caller, later).await.unwrap();
    assert_ne!(submitted.contact_id, id, "a new contact");
    assert_eq!(submitted.joined, [list]);
    shop.sync(RunMode::Full).await;
    assert!(!shop.on(Audience::Subscribers).await.contains(&email), "the store's former yes counts no more");
    let active = suppression::Column::LiftedAt.is_null();
    assert_eq!(suppression::Entity::find().filter(active).count(&shop.app.db).await.unwrap(), 0);
}

async fn a_store_s_request_erases_by_its_own_ids(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 120).await;
    let (email, id) = somebody(&shop).await;
    let record = source_record::Entity::find()
        .filter(source_record::Column::EmailNormalized.eq(&email))
        .filter(source_record::Column::Stream.eq("customers"))
        .one(&shop.app.db)
        .await
        .unwrap()
        .expect("the store has a customer");
    let moved = "moved.away@example.net";
    shop.store.change(&Change::ChangeEmail { email: email.clone(), to: moved.to_owned(), keep_opt_in: true }).unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Incremental).await;
    let subject = PrivacySubject {
        email: Some("Stated.In.The.Request@example.com".to_owned()),
        records: vec![(Stream::Customers, StoreId::new(record.store_id))],
    };
    let done = request(&shop, PrivacyKind::Redact, subject).await;
    assert_eq!((done.state, done.integration_id), (PrivacyState::Done, Some(shop.integration)));
    assert_gone(&shop, moved, id).await;
    let stated = yes(
        "stated.in.the.request@example.com",
        test.clock.now() - TimeDelta::days(1),
        shop.new_list("News", "marketing").await,
    );
    let refused = consents::submit(&shop.app, &shop.caller, stated).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "CONFLICT", "an address that was not known is passed over as well");
}

async fn a_data_request_hands_over_everything(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 120).await;
    let (email, id) = somebody(&shop).await;
    let subject = PrivacySubject { email: Some(email.to_uppercase()), records: Vec::new() };
    let done = request(&shop, PrivacyKind::DataRequest, subject).await;
    assert_eq!((done.state, done.done_at), (PrivacyState::Ready, None), "nobody has handed anything over");
    assert_eq!(waiting(&shop).await, ["PERSONAL_DATA_READY"]);
    let handed = privacy::export(&shop.app, &shop.caller, done.id).await.unwrap();
    assert_eq!(handed.contacts.iter().map(|contact| contact.id).collect::<Vec<_>>(), [id]);
    assert!(handed.sources.iter().all(|record| record.email.is_some()) && !handed.sources.is_empty());
    assert_eq!((handed.memberships.len(), handed.events.len()), (2, 2));
    assert!(!handed.consents.is_empty());
    let own = export::of_contact(&shop.app, &shop.caller, id).await.unwrap();
    assert_eq!((own.sources, own.memberships), (handed.sources, handed.memberships));

    test.clock.advance(TimeDelta::days(31));
    assert_eq!(privacy::carry_out_due(&shop.app).await, 0, "it waits for somebody, and its subject is kept");
    assert_eq!(waiting(&shop).await, ["PERSONAL_DATA_READY", "PRIVACY_REQUEST_OVERDUE"]);
    assert_eq!(privacy::count_overdue(&shop.app).await.unwrap(), 1);
    let completed = privacy::complete(&shop.app, &shop.caller, done.id).await.unwrap();
    assert_eq!((completed.state, completed.done_at), (PrivacyState::Done, Some(test.clock.now())));
    assert_eq!(completed.actor.as_deref(), Some(shop.caller.actor.as_str()));
    assert!(waiting(&shop).await.is_empty());
    assert_eq!(privacy::count_overdue(&shop.app).await.unwrap(), 0);
    let again = privacy::complete(&shop.app, &shop.caller, done.id).await.unwrap_err();
    assert_eq!(again.code().as_str(), "CONFLICT");
    privacy::export(&shop.app, &shop.caller, done.id).await.expect("for thirty days more");
    erasure::erase(&shop.app, &shop.caller, id).await.unwrap();
    let nothing = privacy::export(&shop.app, &shop.caller, done.id).await.unwrap_err();
    assert_eq!(nothing.code().as_str(), "CONFLICT", "erasure forgets whom it was about");
}

async fn a_store_that_left_takes_everything_with_it_that_nobody_else_knows(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 250).await;
    let (known, known_id) = somebody(&shop).await;
    let contact = contact::Entity::find_by_id(known_id.0).one(&shop.app.db).await.unwrap().unwrap();
    assert!(contact.first_name.is_some(), "the store tells a name");
    let list = shop.new_list("News", "marketing").await;
    let own = yes(&known, test.clock.now(), list);
    consents::submit(&shop.app, &shop.caller, own).await.unwrap();
    let db = &shop.app.db;
    let other = shop.on(Audience::Customers).await.into_iter().find(|email| *email != known).expect("more customers");
    let elsewhere = opt_out::ActiveModel {
        account_id: Set(shop.caller.account_id.0),
        integration_id: Set(Uuid::max()),
        email_normalized: Set(other.clone()),
        withdrawn_at: Set(test.clock.now()),
    };
    opt_out::Entity::insert(elsewhere).exec_without_returning(db).await.unwrap();
    let done = request(&shop, PrivacyKind::ShopRedact, PrivacySubject::default()).await;
    assert_eq!(done.state, PrivacyState::Done, "{:?}", done.outcome);
    assert_eq!(source_record::Entity::find().count(db).await.unwrap(), 0);
    let noes = opt_out::Entity::find().all(db).await.unwrap();
    let noes: Vec<_> = noes.into_iter().map(|no| no.email_normalized).collect();
    assert_eq!(noes, [other], "what somebody no longer wanted in another store is not this one's to take");
    let left = contact::Entity::find().all(db).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|row| (row.id, row.first_name, row.last_name)).collect();
    assert_eq!(
        left,
        [(known_id.0, None, None)],
        "only who agreed to something of ours stays, without the store's name"
    );
    assert!(!done.outcome.expect("words").contains("passed over"), "no person asked for that");
    let store_sync = consent_record::Column::CaptureMethod.eq("store_sync");
    let named = consent_record::Column::ContactId.is_not_null();
    assert_eq!(consent_record::Entity::find().filter(store_sync).filter(named).count(db).await.unwrap(), 0);
    assert_eq!(ledger::verify(db, shop.caller.account_id).await.unwrap().first_bad_sequence, None);
    assert_eq!(suppression::Entity::find().count(db).await.unwrap(), 0, "nobody asked not to be mailed");
    let integration = service::integrations::get(&shop.app, &shop.caller, shop.integration).await.unwrap();
    assert_eq!(integration.state_code.as_deref(), Some("STORE_LEFT"));
}

async fn evidence_loses_its_personal_part_and_nothing_else(db: TestDatabase) {
    use sea_orm::sea_query::Expr;
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 60).await;
    let (_, id) = somebody(&shop).await;
    let db = &shop.app.db;
    let all = || consent_record::Entity::update_many().filter(consent_record::Column::ContactId.eq(id.0));
    let forged = all().col_expr(consent_record::Column::Text, Expr::value("Yes to everything")).exec(db).await;
    assert!(forged.is_err(), "a changed text");
    let half = all().col_expr(consent_record::Column::Salt, Expr::cust("NULL")).exec(db).await;
    assert!(half.is_err(), "a part of it");
    erasure::erase(&shop.app, &shop.caller, id).await.unwrap();
    let blank = consent_record::Column::Salt.is_null();
    let rows = consent_record::Entity::find().filter(blank.clone()).all(db).await.unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let personal = [row.url, row.ip_address, row.user_agent, row.capture_ref, row.evidence_ref];
        assert!(personal.iter().all(Option::is_none) && row.metadata.is_none() && row.contact_id.is_none());
        assert!(row.event_type != "granted" || row.text.is_some(), "what was agreed to stays");
    }
    let again = consent_record::Entity::update_many()
        .col_expr(consent_record::Column::Language, Expr::value("de"))
        .filter(blank)
        .exec(db)
        .await;
    assert!(again.is_err(), "an erased record does not change any more");
}

async fn what_was_forged_or_blanked_without_an_erasure_is_found(db: TestDatabase) {
    use sea_orm::sea_query::Expr;
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 60).await;
    let (_, id) = somebody(&shop).await;
    erasure::erase(&shop.app, &shop.caller, id).await.unwrap();
    let db = &shop.app.db;
    let verify = || ledger::verify(db, shop.caller.account_id);
    let erased = consent_record::Entity::find().filter(consent_record::Column::Salt.is_null()).all(db).await.unwrap();
    let whole = verify().await.unwrap();
    assert_eq!((whole.erased, whole.first_bad_sequence), (erased.len() as u64, None));

    without_triggers(db).await;
    let record = &erased[0];
    let all = || consent_record::Entity::update_many().filter(consent_record::Column::Id.eq(record.id));
    for (column, value) in [
        (consent_record::Column::Url, Expr::value("https://shop.example/agreed")),
        (consent_record::Column::IpAddress, Expr::value("192.0.2.1")),
        (consent_record::Column::ContactId, Expr::value(id.0)),
    ] {
        all().col_expr(column, value).exec(db).await.unwrap();
        assert_eq!(verify().await.unwrap().first_bad_sequence, Some(record.sequence), "{column:?}");
        all().col_expr(column, Expr::cust("NULL")).exec(db).await.unwrap();
        assert_eq!(verify().await.unwrap(), whole);
    }
    let removed = ::entity::erasure::Entity::delete_by_id(record.id).exec(db).await.unwrap();
    assert_eq!(removed.rows_affected, 1, "each erased record has one");
    assert_eq!(verify().await.unwrap().first_bad_sequence, Some(record.sequence), "blanked by nobody");
}

/// What whoever may write the database can do.
async fn without_triggers(db: &assent::store::Database) {
    let statements = if db.get_database_backend() == DbBackend::Postgres {
        ["consent_record", "erasure"].map(|table| format!("ALTER TABLE {table} DISABLE TRIGGER USER")).to_vec()
    } else {
        ["consent_record_append_only_UPDATE", "erasure_append_only_DELETE"]
            .map(|trigger| format!("DROP TRIGGER {trigger}"))
            .to_vec()
    };
    db.execute_unprepared(&statements.join(";")).await.unwrap();
}
