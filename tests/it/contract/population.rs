//! Who is in a store is on its lists, and nobody else.

use std::collections::BTreeSet;

use ::entity::{membership_event, quarantined_record, source_record};
use assent::domain::sync::RunMode;
use assent::domain::{Audience, Platform};
use assent::sandbox::{Change, Problem};
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::{assert_good, change_subscriber, every_platform, open};
use crate::support::app::TestApp;
use crate::support::databases::TestDatabase;

every_platform!(
    the_lists_hold_exactly_whom_the_store_says,
    a_second_pass_over_an_unchanged_store_writes_nothing,
    bad_records_are_quarantined_and_the_run_goes_on,
    what_a_run_counts_is_what_it_did,
    another_time_zone_of_the_store_loses_nobody,
);

async fn the_lists_hold_exactly_whom_the_store_says(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 430).await;
    assert_good(&shop.sync(RunMode::Full).await);
    for audience in shop.lists.keys() {
        assert!(!shop.on(*audience).await.is_empty(), "{audience}");
    }
    shop.assert_true().await;
}

async fn a_second_pass_over_an_unchanged_store_writes_nothing(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 150).await;
    shop.sync(RunMode::Full).await;
    let before = shop.rows().await;
    for mode in [RunMode::Incremental, RunMode::Full] {
        test.clock.advance(TimeDelta::minutes(5));
        let run = shop.sync(mode).await;
        assert_good(&run);
        assert_eq!((run.created_count, run.updated_count, run.joined_count, run.left_count), (0, 0, 0, 0), "{mode:?}");
        assert_eq!(shop.rows().await, before, "{mode:?}");
    }
}

async fn bad_records_are_quarantined_and_the_run_goes_on(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    let run = shop.sync(RunMode::Full).await;
    assert_good(&run);
    let rows = quarantined_record::Entity::find()
        .filter(quarantined_record::Column::RunId.eq(run.id))
        .all(&shop.app.db)
        .await
        .unwrap();
    assert_eq!(rows.len(), usize::try_from(run.quarantined_count).unwrap());
    let found: BTreeSet<_> = rows.iter().map(|row| (row.stream.as_str(), row.reason.as_str())).collect();
    for truth in shop.store.truths(0, 100) {
        let (stream, reason) = match (truth.problem, truth.records.as_slice()) {
            (Some(Problem::InvalidEmail), [record]) => (record.stream, "invalid_email"),
            (Some(Problem::Malformed), [record]) => (record.stream, "malformed"),
            (Some(Problem::NoEmail), [record]) if record.stream == "customers" => (record.stream, "no_email"),
            _ => continue,
        };
        assert!(found.contains(&(stream, reason)), "{stream}: {reason}, among {found:?}");
    }
    assert!(rows.iter().all(|row| !row.detail.contains('@')), "a reason never quotes the record");
}

async fn what_a_run_counts_is_what_it_did(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    let mut created = 0;
    for mode in [RunMode::Full, RunMode::Incremental, RunMode::Full] {
        let run = shop.sync(mode).await;
        assert_good(&run);
        let events = membership_event::Entity::find()
            .filter(membership_event::Column::RunId.eq(run.id))
            .all(&shop.app.db)
            .await
            .unwrap();
        let of = |kind: &str| i64::try_from(events.iter().filter(|event| event.kind == kind).count()).unwrap();
        assert_eq!((run.joined_count, run.left_count), (of("joined"), of("left")), "{mode:?}");
        created += run.created_count;
        assert_eq!(
            source_record::Entity::find().count(&shop.app.db).await.unwrap(),
            created.unsigned_abs(),
            "{mode:?}"
        );
        change_subscriber(&test, &shop, |email| Change::OptOut { email }).await;
        change_subscriber(&test, &shop, |email| Change::Delete { email }).await;
        let new = Change::NewCustomer { email: format!("{mode:?}{created}@example.org"), opt_in: Some(true) };
        shop.store.change(&new).unwrap();
        test.clock.advance(TimeDelta::minutes(1));
    }
}

async fn another_time_zone_of_the_store_loses_nobody(db: TestDatabase, platform: Platform) {
    let test = TestApp::new(db).await;
    let shop = open(&test, platform, 100).await;
    assert_good(&shop.sync(RunMode::Full).await);
    for (number, hours) in [(1, -8), (2, 9), (3, 0)] {
        shop.store.set_seconds_ahead(hours * 3600);
        test.clock.advance(TimeDelta::minutes(1));
        let guest = Change::GuestOrder { email: format!("guest{number}@example.net"), opt_in: None };
        let fresh = Change::NewCustomer { email: format!("fresh{number}@example.net"), opt_in: Some(true) };
        for change in [guest, fresh] {
            shop.store.change(&change).unwrap();
        }
        test.clock.advance(TimeDelta::minutes(1));
        let run = shop.sync(RunMode::Incremental).await;
        assert_good(&run);
        assert_eq!(run.left_count, 0, "{hours} hours");
        shop.assert_true().await;
    }
    assert_eq!(shop.sync(RunMode::Full).await.left_count, 0);
    shop.assert_true().await;
    assert!(shop.on(Audience::Subscribers).await.contains("fresh1@example.net"));
}
