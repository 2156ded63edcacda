//! Pages: walking a list shows everything once, in order, whatever the size.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::api::{Api, consent};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(walking_shows_everything_once, consents_come_newest_first_also_at_equal_times);

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

async fn walking_shows_everything_once(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    for number in 0..7 {
        api.submit(&format!("person{number}@example.com"), &[&list]).await;
        api.make_list(&format!("List {number}"), "other").await;
    }
    for path in ["/v1/lists".to_owned(), "/v1/contacts".to_owned(), format!("/v1/lists/{list}/contacts")] {
        let whole = ids(&api.walk(&path, 200).await);
        assert!(whole.len() >= 7, "{path}");
        assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len(), "{path}");
        for size in [1, 2, 3, 7, 8] {
            assert_eq!(ids(&api.walk(&path, size).await), whole, "{path} by {size}");
        }
    }
}

async fn consents_come_newest_first_also_at_equal_times(db: TestDatabase) {
    let api = Api::new(db).await;
    for (number, day) in [3, 1, 2, 2, 2, 1].into_iter().enumerate() {
        let mut body = consent(&format!("person{number}@example.com"), &[]);
        body["dateTimeConsented"] = json!(format!("2026-03-0{day}T10:00:00Z"));
        api.post("/v1/consents", body).await.created();
    }
    let whole = api.walk("/v1/consents", 200).await;
    let order: Vec<_> = whole.iter().map(|record| record["sequence"].as_i64().expect("a number")).collect();
    assert_eq!(order, [1, 5, 4, 3, 6, 2]);
    for size in [1, 2, 4] {
        assert_eq!(ids(&api.walk("/v1/consents", size).await), ids(&whole), "by {size}");
    }
    assert!(api.walk("/v1/consents?eventType=withdrawn", 2).await.is_empty());
    assert_eq!(api.walk("/v1/consents?eventType=granted&channel=email&captureMethod=api", 2).await.len(), 6);
}
