//! What erasure and export must not leave behind: former addresses, records that nobody knows, other requests.

use ::entity::{consent_record, pending_hint, privacy_request, quarantined_record, source_record, suppression};
use assent::domain::Clock as _;
use assent::domain::ids::new_uuid;
use assent::domain::people::{StoreId, Stream};
use assent::domain::privacy::{PrivacyKind, PrivacyRequest, PrivacyState, PrivacySubject};
use assent::domain::sync::RunMode;
use assent::sandbox::{Change, StoreOptions};
use assent::service::{erasure, export, privacy};
use assent::store::begin;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Set};

use super::{assert_gone, request, requests, shopify, somebody};
use crate::support::app::TestApp;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    what_somebody_said_under_a_former_address_is_exported_and_erased,
    who_was_erased_twice_and_then_agrees_is_not_suppressed,
    a_request_with_very_many_orders_is_carried_out,
    what_was_noted_about_a_record_that_is_not_known_goes_too,
    requests_for_data_of_an_erased_person_are_closed_and_no_others,
);

fn customer(id: &str) -> (Stream, StoreId) {
    (Stream::Customers, StoreId::new(id))
}

async fn what_somebody_said_under_a_former_address_is_exported_and_erased(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 120).await;
    let (email, former) = somebody(&shop).await;
    let record = source_record::Entity::find()
        .filter(source_record::Column::EmailNormalized.eq(&email))
        .filter(source_record::Column::Stream.eq("customers"))
        .one(&shop.app.db)
        .await
        .unwrap()
        .expect("the store has a customer");
    let moved = "moved.away@example.net";
    shop.store.change(&Change::ChangeEmail { email, to: moved.to_owned(), keep_opt_in: true }).unwrap();
    test.clock.advance(TimeDelta::minutes(1));
    shop.sync(RunMode::Incremental).await;
    let present = shop.withdraws(moved).await;
    let subject = PrivacySubject { email: None, records: vec![customer(&record.store_id)] };
    let ready = request(&shop, PrivacyKind::DataRequest, subject).await;
    let by_store = privacy::export(&shop.app, &shop.caller, ready.id).await.unwrap();
    let by_contact = export::of_contact(&shop.app, &shop.caller, present).await.unwrap();
    for export in [by_store, by_contact] {
        let contacts: Vec<_> = export.contacts.iter().map(|contact| contact.id).collect();
        assert!(contacts.contains(&former) && contacts.contains(&present), "{contacts:?}");
        let about = |id| export.consents.iter().any(|consent| consent.record.contact_id == Some(id));
        assert!(about(former) && about(present));
        assert!(export.opt_outs.iter().any(|no| no.email_normalized == moved && no.integration_id.is_none()));
    }
    erasure::erase(&shop.app, &shop.caller, present).await.unwrap();
    assert_gone(&shop, moved, present).await;
    let left = consent_record::Column::ContactId.eq(former.0);
    assert_eq!(consent_record::Entity::find().filter(left).count(&shop.app.db).await.unwrap(), 0);
}

async fn who_was_erased_twice_and_then_agrees_is_not_suppressed(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 20).await;
    let email = "twice@example.com";
    let subject = || PrivacySubject { email: Some(email.to_owned()), records: Vec::new() };
    for _ in 0..2 {
        let done = request(&shop, PrivacyKind::Redact, subject()).await;
        assert!(done.outcome.expect("words").contains("passed over now: 1"));
        test.clock.advance(TimeDelta::minutes(2));
    }
    let list = shop.new_list("News", "marketing").await;
    let agreed = shop.agrees(email, &[list]).await;
    assert_eq!(agreed.joined, [list]);
    let active = suppression::Column::LiftedAt.is_null();
    assert_eq!(suppression::Entity::find().filter(active).count(&shop.app.db).await.unwrap(), 0);
}

async fn a_request_with_very_many_orders_is_carried_out(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 20).await;
    let (email, id) = somebody(&shop).await;
    let orders = (0..40_000).map(|id| (Stream::Orders, StoreId::new(id.to_string())));
    let subject = PrivacySubject { email: Some(email.clone()), records: orders.collect() };
    let done = request(&shop, PrivacyKind::Redact, subject).await;
    assert_eq!(done.state, PrivacyState::Done, "{:?}", done.outcome);
    assert_gone(&shop, &email, id).await;
}

async fn what_was_noted_about_a_record_that_is_not_known_goes_too(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 20).await;
    let run = shop.sync(RunMode::Incremental).await;
    let (db, now) = (&shop.app.db, test.clock.now());
    let hint = pending_hint::ActiveModel {
        id: Set(new_uuid(now)),
        integration_id: Set(shop.integration.0),
        stream: Set("customers".to_owned()),
        store_id: Set("777".to_owned()),
        urgent: Set(false),
        received_at: Set(now),
        version: Set(1),
        attempts: Set(0),
        lapses: Set(0),
        not_before: Set(now),
        lease_token: Set(None),
        failing_since: Set(None),
        page_asked_at: Set(None),
        given_up_at: Set(None),
        error_code: Set(None),
        error_detail: Set(None),
    };
    pending_hint::Entity::insert(hint).exec_without_returning(db).await.unwrap();
    let quarantined = quarantined_record::ActiveModel {
        resolved_at: Set(None),
        id: Set(new_uuid(now)),
        account_id: Set(shop.caller.account_id.0),
        integration_id: Set(shop.integration.0),
        run_id: Set(run.id),
        stream: Set("customers".to_owned()),
        store_id: Set(Some("777".to_owned())),
        reason: Set("no_email".to_owned()),
        detail: Set("there is no address".to_owned()),
        created_at: Set(now),
    };
    quarantined_record::Entity::insert(quarantined).exec_without_returning(db).await.unwrap();
    let subject = PrivacySubject { email: None, records: vec![customer("777")] };
    let done = request(&shop, PrivacyKind::Redact, subject).await;
    assert_eq!(done.outcome.as_deref(), Some("nothing was kept"), "no address is known that could be passed over");
    assert_eq!(pending_hint::Entity::find().count(db).await.unwrap(), 0);
    let noted = quarantined_record::Column::StoreId.eq("777");
    assert_eq!(quarantined_record::Entity::find().filter(noted).count(db).await.unwrap(), 0);
}

async fn requests_for_data_of_an_erased_person_are_closed_and_no_others(db: TestDatabase) {
    let test = TestApp::new(db).await;
    let shop = shopify(&test, 60).await;
    let other = shop.second(&test, StoreOptions { people: 0, seed: 2, ..StoreOptions::generous() }).await;
    let (email, id) = somebody(&shop).await;
    let subject = |email: &str| PrivacySubject { email: Some(email.to_owned()), records: vec![customer("1")] };
    let ready = request(&other, PrivacyKind::DataRequest, subject("somebody.else@example.com")).await;
    let unreadable = request(&shop, PrivacyKind::DataRequest, subject("third@example.com")).await;
    privacy_request::Entity::update_many()
        .col_expr(privacy_request::Column::Subject, Expr::value(b"sealed under another key".to_vec()))
        .filter(privacy_request::Column::Id.eq(unreadable.id))
        .exec(&shop.app.db)
        .await
        .unwrap();
    let tx = begin(&shop.app.db).await.unwrap();
    let open = PrivacyRequest { kind: PrivacyKind::DataRequest, subject: subject(&email) };
    privacy::record(&shop.app, &tx, shop.caller.account_id, shop.integration, &open).await.unwrap();
    tx.commit().await.unwrap();
    let open = requests(&shop, Some(PrivacyState::Open)).await.remove(0);

    erasure::erase(&shop.app, &shop.caller, id).await.unwrap();
    let closed = privacy::get(&shop.app, &shop.caller, open.id).await.unwrap();
    assert_eq!(closed.state, PrivacyState::Done, "there is nothing to hand over any more");
    assert_eq!(privacy::carry_out_due(&shop.app).await, 0);
    let kept = privacy_request::Entity::find_by_id(open.id).one(&shop.app.db).await.unwrap().unwrap();
    assert_eq!(kept.subject, None);

    let tx = begin(&shop.app.db).await.unwrap();
    let redact = PrivacyRequest { kind: PrivacyKind::Redact, subject: subject("fourth@example.com") };
    privacy::record(&shop.app, &tx, shop.caller.account_id, shop.integration, &redact).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(privacy::carry_out_due(&shop.app).await, 1);
    privacy::export(&shop.app, &shop.caller, ready.id)
        .await
        .expect("the same number is somebody else in another store");
}
