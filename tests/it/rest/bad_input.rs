//! Bad input: a problem that names the field, and nothing changed.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::support::api::{Api, consent, shop};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    bad_bodies_are_refused_and_change_nothing,
    bad_queries_and_paths_are_refused,
    bodies_of_the_wrong_form_are_refused
);

/// Method, path, body, and the status and field of the problem.
type Case = (&'static str, String, Value, u16, &'static str);

/// The same value with one member set.
fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    value.pointer_mut(parent).expect("the parent is there")[name] = new;
    value
}

/// The same value without one member.
fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().expect("an object").remove(name);
    value
}

fn integration_cases(store: &str, news: &str, buyers: &str) -> Vec<Case> {
    let post = |body, status, field| ("POST", "/v1/integrations".to_owned(), body, status, field);
    let patch = |body, status, field| ("PATCH", format!("/v1/integrations/{store}"), body, status, field);
    let put = |body, status, field| ("PUT", format!("/v1/integrations/{store}/mappings"), body, status, field);
    let new = shop("New");
    vec![
        post(json!({}), 422, "#/platform"),
        post(with(new.clone(), "/platform", json!("ebay")), 422, "#/platform"),
        post(with(new.clone(), "/platform", json!("shopware")), 422, "#/settings/accessKeyId"),
        post(with(new.clone(), "/platform", json!(7)), 400, ""),
        post(with(new.clone(), "/name", json!("")), 422, "#/name"),
        post(with(new.clone(), "/name", json!("a\u{0}b")), 422, "#/name"),
        post(with(new.clone(), "/name", json!("x".repeat(256))), 422, "#/name"),
        post(with(new.clone(), "/name", json!(["x"])), 422, "#/name"),
        post(with(new.clone(), "/name", json!("SHOP")), 409, "#/name"),
        post(with(new.clone(), "/nmae", json!("x")), 422, "#/nmae"),
        post(with(new.clone(), "/settings", json!([])), 422, "#/settings"),
        post(without(new.clone(), "settings"), 422, "#/settings"),
        post(with(new.clone(), "/settings/storeUrl", json!("ftp://shop.example")), 422, "#/settings/storeUrl"),
        post(with(new.clone(), "/settings/storeUrl", json!(7)), 422, "#/settings/storeUrl"),
        post(with(new.clone(), "/settings/consumerKey", json!(null)), 422, "#/settings/consumerKey"),
        post(with(new.clone(), "/settings/optInMetaKeys", json!(["a\u{0}"])), 422, "#/settings/optInMetaKeys"),
        post(with(new.clone(), "/settings/secretPlan", json!("x")), 422, "#/settings/secretPlan"),
        post(with(new.clone(), "/mappings", json!({"customers": news})), 422, "#/mappings/customers"),
        post(with(new.clone(), "/mappings", json!({"guests": buyers})), 422, "#/mappings/guests"),
        post(with(new.clone(), "/mappings", json!({"customers": "x"})), 422, "#/mappings/customers"),
        post(with(new.clone(), "/mappings", json!([news])), 422, "#/mappings"),
        post(with(new.clone(), "/mappings", json!({"everybody": buyers})), 422, "#/mappings/everybody"),
        post(with(new.clone(), "/schedule", json!([60])), 422, "#/schedule"),
        post(with(new.clone(), "/schedule", json!({"interval": 60})), 422, "#/schedule/interval"),
        post(with(new.clone(), "/schedule", json!({"intervalSeconds": 59})), 422, "#/schedule/intervalSeconds"),
        post(with(new.clone(), "/schedule", json!({"intervalSeconds": "300"})), 422, "#/schedule/intervalSeconds"),
        post(with(new.clone(), "/schedule", json!({"timeZone": "Europe/Berlin"})), 422, "#/schedule/timeZone"),
        post(with(new, "/schedule", json!({"fullPassTime": "25:00"})), 422, "#/schedule/fullPassTime"),
        patch(json!({"schedule": "daily"}), 422, "#/schedule"),
        patch(json!({"schedule": {"intervalSeconds": 86401}}), 422, "#/schedule/intervalSeconds"),
        patch(json!({"schedule": {"intervalSeconds": -60}}), 422, "#/schedule/intervalSeconds"),
        patch(json!({"schedule": {"intervalSeconds": 90.5}}), 422, "#/schedule/intervalSeconds"),
        patch(json!({"schedule": {"fullPassTime": "3:30"}}), 422, "#/schedule/fullPassTime"),
        patch(json!({"schedule": {"fullPassTime": 330}}), 422, "#/schedule/fullPassTime"),
        patch(json!({"schedule": {"fullPassTime": "03:30", "timeZone": "Berlin"}}), 422, "#/schedule/timeZone"),
        patch(json!({"schedule": {"fullPassTime": null, "timeZone": "UTC"}}), 422, "#/schedule/timeZone"),
        patch(json!({"schedule": {"nextRunAt": "2026-04-04T12:00:00Z"}}), 422, "#/schedule/nextRunAt"),
        patch(json!({"platform": "shopify"}), 422, "#/platform"),
        patch(json!({"settings": {"storeUrl": null}}), 422, "#/settings/storeUrl"),
        patch(json!({"settings": {"what": 1}}), 422, "#/settings/what"),
        put(json!({"customers": news}), 422, "#/customers"),
        put(json!({"guests": null}), 422, "#/guests"),
        put(json!({"customers": "01890000-0000-7000-8000-000000000000"}), 422, "#/customers"),
        put(json!({"subscribers": buyers, "customers": buyers}), 422, "#/subscribers"),
        ("POST", format!("/v1/integrations/{store}/syncs"), json!({"mode": "fast"}), 422, "#/mode"),
        ("POST", format!("/v1/integrations/{store}/syncs"), json!({}), 422, "#/mode"),
    ]
}

fn list_cases(news: &str) -> Vec<Case> {
    let post = |body, status, field| ("POST", "/v1/lists".to_owned(), body, status, field);
    let patch = |body, status, field| ("PATCH", format!("/v1/lists/{news}"), body, status, field);
    vec![
        post(json!({"name": "x"}), 422, "#/purpose"),
        post(json!({"name": "x", "purpose": "spam"}), 422, "#/purpose"),
        post(json!({"name": " ", "purpose": "other"}), 422, "#/name"),
        post(json!({"name": "NEWS", "purpose": "other"}), 409, "#/name"),
        post(json!({"name": "x", "purpose": "other", "members": 7}), 422, "#/members"),
        patch(json!({"name": "buyers"}), 409, "#/name"),
        patch(json!({"id": 1}), 422, "#/id"),
    ]
}

fn consent_cases(news: &str) -> Vec<Case> {
    let base = consent("carl@example.com", &[news]);
    let post = |body, field| ("POST", "/v1/consents".to_owned(), body, 422, field);
    let set = |pointer: &str, value| with(base.clone(), pointer, value);
    vec![
        post(without(base.clone(), "email"), "#/email"),
        post(set("/email", json!("nobody")), "#/email"),
        post(set("/email", json!("a\u{0}@example.com")), "#/email"),
        post(without(base.clone(), "text"), "#/text"),
        post(set("/text", json!("x".repeat(1001))), "#/text"),
        post(set("/text", json!("  ")), "#/text"),
        post(set("/text", json!("a\u{0}b")), "#/text"),
        post(without(base.clone(), "dateTimeConsented"), "#/dateTimeConsented"),
        post(set("/dateTimeConsented", json!("yesterday")), "#/dateTimeConsented"),
        post(set("/dateTimeConsented", json!("2026-04-04T12:06:00Z")), "#/dateTimeConsented"),
        post(set("/dateTimeConsented", json!("1066-10-14T09:00:00Z")), "#/dateTimeConsented"),
        post(set("/url", json!("javascript:alert(1)")), "#/url"),
        post(set("/url", json!(format!("https://x.example/{}", "x".repeat(2048)))), "#/url"),
        post(set("/ipAddress", json!("300.1.1.1")), "#/ipAddress"),
        post(set("/purposes", json!([])), "#/purposes"),
        post(set("/purposes", json!(["x", ""])), "#/purposes/1"),
        post(set("/eventType", json!("maybe")), "#/eventType"),
        post(set("/eventType", json!("withdrawn")), "#/lists"),
        post(set("/captureMethod", json!("store_sync")), "#/captureMethod"),
        post(set("/metadata", json!({"x": "a\u{0}"})), "#/metadata"),
        post(set("/metadata", json!({"x": "y".repeat(9000)})), "#/metadata"),
        post(set("/preferencesSnapshot", json!(["x"])), "#/preferencesSnapshot"),
        post(set("/expiresAt", json!("2025-01-01T00:00:00Z")), "#/expiresAt"),
        post(set("/supersedesId", json!("01890000-0000-7000-8000-000000000000")), "#/supersedesId"),
        post(set("/lists", json!(["x"])), "#/lists/0"),
        post(set("/lists", json!(["01890000-0000-7000-8000-000000000000"])), "#/lists/0"),
        post(set("/consent", json!(true)), "#/consent"),
    ]
}

async fn everything(api: &Api) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/v1/integrations", "/v1/lists", "/v1/contacts", "/v1/consents"] {
        all.extend(api.walk(path, 200).await);
    }
    all
}

async fn bad_bodies_are_refused_and_change_nothing(db: TestDatabase) {
    let api = Api::new(db).await;
    let store = api.make_integration("Shop").await;
    let news = api.make_list("News", "marketing").await;
    let buyers = api.make_list("Buyers", "other").await;
    let anna = api.submit("anna@example.com", &[&news]).await;
    let contact = format!("/v1/contacts/{}", anna["contactId"].as_str().expect("a contact"));
    let before = everything(&api).await;
    let mut cases = integration_cases(&store, &news, &buyers);
    cases.extend(list_cases(&news));
    cases.extend(consent_cases(&news));
    cases.push(("POST", format!("{contact}/suppress"), json!({"reason": ""}), 422, "#/reason"));
    cases.push(("POST", format!("{contact}/suppress"), json!({}), 422, "#/reason"));
    cases.push(("POST", format!("{contact}/resubscribe"), consent("anna@example.com", &[]), 409, ""));
    for (method, path, body, status, field) in cases {
        let answer = api.call(method, &path, Some(&api.token), Some(body.clone())).await;
        let (found, code, pointer) = answer.problem();
        assert_eq!((found, pointer.as_str()), (status, field), "{method} {path} {body}: {}", answer.text);
        let expected = match status {
            400 => "MALFORMED",
            409 => "CONFLICT",
            _ => "INVALID",
        };
        assert_eq!(code, expected, "{method} {path} {body}");
        assert!(!answer.text.contains("carl@"), "an address is told: {}", answer.text);
    }
    assert_eq!(everything(&api).await, before);
}

async fn bad_queries_and_paths_are_refused(db: TestDatabase) {
    let api = Api::new(db).await;
    let list = api.make_list("News", "marketing").await;
    let paths = ["/v1/lists", "/v1/integrations", "/v1/contacts", "/v1/consents", "/v1/connectors"];
    let mut lists: Vec<String> = paths.into_iter().map(str::to_owned).collect();
    lists.push(format!("/v1/lists/{list}/contacts"));
    for path in lists {
        for (query, field) in [
            ("limit=0", "?limit"),
            ("limit=201", "?limit"),
            ("limit=ten", "?limit"),
            ("limit=-1", "?limit"),
            ("limit=", "?limit"),
            ("after=", "?after"),
            ("after=%00", "?after"),
            ("after=AAAA", "?after"),
            ("page=2", "?page"),
            ("limit=1&limit=2", "?limit"),
        ] {
            let answer = api.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.problem(), (422, "INVALID".to_owned(), field.to_owned()), "{path}?{query}");
        }
    }
    for (path, field) in [
        ("/v1/contacts?email=nobody", "?email"),
        ("/v1/contacts?listId=7", "?listId"),
        ("/v1/contacts?integrationId=7", "?integrationId"),
        ("/v1/consents?eventType=maybe", "?eventType"),
        ("/v1/consents?contactId=7", "?contactId"),
        ("/v1/lists/7", "{id}"),
        ("/v1/lists/%FF", "{id}"),
        ("/v1/contacts/01890000000070008000000000000000", "{id}"),
        ("/v1/syncs/x'--", "{id}"),
    ] {
        let answer = api.get(path).await;
        assert_eq!(answer.problem(), (422, "INVALID".to_owned(), field.to_owned()), "{path}");
    }
}

async fn bodies_of_the_wrong_form_are_refused(db: TestDatabase) {
    let api = Api::new(db).await;
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    let deep = "[".repeat(10_000);
    let cases: [(Option<&str>, &str, u16, &str); 9] = [
        (Some("application/json"), "", 400, "MALFORMED"),
        (Some("application/json"), "{\"name\":", 400, "MALFORMED"),
        (Some("application/json"), "[]", 400, "MALFORMED"),
        (Some("application/json"), "\"text\"", 400, "MALFORMED"),
        (Some("application/json"), "[\"News\", \"other\"]", 400, "MALFORMED"),
        (Some("application/json"), &deep, 400, "MALFORMED"),
        (Some("application/json"), &large, 413, "TOO_LARGE"),
        (Some("text/plain"), "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (None, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ];
    for (kind, body, status, code) in cases {
        let mut request = Request::post("/v1/lists").header(header::AUTHORIZATION, format!("Bearer {}", api.token));
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let answer = api.send(request.body(Body::from(body.to_owned())).expect("a request")).await;
        assert_eq!(answer.problem(), (status, code.to_owned(), String::new()), "{kind:?} {body:.40}");
    }
    assert!(api.walk("/v1/lists", 50).await.is_empty());
}
