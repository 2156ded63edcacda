//! What both transports show of a schedule and of how well it goes: the same, whatever that is.

use std::ops::Deref;

use ::entity::schedule;
use assent::auth::token;
use assent::domain::access::Scope;
use assent::domain::sync::RunMode;
use assent::sandbox::{Fault, FaultPlan};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chrono::{SecondsFormat, TimeDelta};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::Scheduled;
use crate::support::databases::{TestDatabase, both_databases};
use crate::support::shop::{Installed, never};

both_databases!(
    both_transports_show_the_same_health,
    both_transports_show_what_somebody_has_to_do,
    a_schedule_is_set_by_either_transport_alike,
);

/// What is shown of an integration in words and numbers, at the same names in both.
const PLAIN: &str = "state stateCode stateDetail health lagSeconds syncedAt fullSyncedAt updatedAt";
const SCHEDULE: &str = "intervalSeconds fullPassTime timeZone nextRunAt nextFullPassAt failures failingSince heldCode \
     heldSyncId";
const FAILURE: &str = "class code detail whatToDo whoCanAct";
/// Closed sets: upper case in GraphQL.
const WORDS: [&str; 4] = ["state", "health", "class", "whoCanAct"];

impl<S: Deref<Target = Installed>> Scheduled<S> {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let app = &self.test.app;
        let account = self.shop.caller.account_id;
        let token = token::issue(app, account, Uuid::new_v4().into(), Scope::ALL).await.expect("a token can be signed");
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.header("content-type", "application/json").body(body).expect("a request");
        let answer = assent::server::router(app.clone()).oneshot(request).await.expect("the router never fails");
        let (status, body) = (answer.status(), to_bytes(answer.into_body(), 1_000_000).await.expect("it can be read"));
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
        let answer: Value = serde_json::from_slice(&body).expect("it is JSON");
        assert_eq!(answer.get("errors"), None, "{answer}");
        answer
    }

    async fn graphql(&self, document: &str, input: Value) -> Value {
        let variables = json!({"id": self.shop.integration, "input": input});
        let body = json!({"query": document, "variables": variables});
        self.call("POST", "/graphql", Some(body)).await["data"].take()
    }

    fn path(&self) -> String {
        format!("/v1/integrations/{}", self.shop.integration)
    }

    /// What is shown now: by both the same.
    async fn seen(&self) -> Value {
        let mut rest = chosen(&self.call("GET", &self.path(), None).await);
        let runs = self.call("GET", &format!("{}/syncs?limit=1", self.path()), None).await;
        rest["failure"] = only(&runs["items"][0]["failure"], FAILURE);
        let document = format!(
            "query($id: UUID!) {{ integration(id: $id) {{ {PLAIN} schedule {{ {SCHEDULE} }} \
             syncRuns(first: 1) {{ nodes {{ failure {{ {FAILURE} }} }} }} }} }}"
        );
        let shown = self.graphql(&document, json!(null)).await["integration"].take();
        let mut graphql = chosen(&shown);
        graphql["failure"] = only(&shown["syncRuns"]["nodes"][0]["failure"], FAILURE);
        assert_eq!(rest, graphql);
        rest
    }
}

fn chosen(integration: &Value) -> Value {
    let mut chosen = only(integration, PLAIN);
    chosen["schedule"] = only(&integration["schedule"], SCHEDULE);
    chosen
}

/// These members, all of which must be there, with words as REST has them.
fn only(of: &Value, names: &str) -> Value {
    let Value::Object(members) = of else { return Value::Null };
    let one = |name: &str| {
        let value = members.get(name).unwrap_or_else(|| panic!("{name} is missing: {of}")).clone();
        let plain = match value.as_str() {
            Some(word) if WORDS.contains(&name) => json!(word.to_lowercase()),
            // The transports spell UTC differently.
            Some(time) if name.ends_with("At") || name == "failingSince" => shown(time.parse().expect("a time")),
            _ => value,
        };
        (name.to_owned(), plain)
    };
    Value::Object(names.split_whitespace().map(one).collect())
}

fn shown(at: chrono::DateTime<chrono::Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

async fn both_transports_show_the_same_health(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    let fresh = it.seen().await;
    assert_eq!(
        (&fresh["health"], &fresh["syncedAt"], &fresh["failure"]),
        (&json!("healthy"), &json!(null), &json!(null))
    );
    it.due_run().await;
    it.test.clock.advance(TimeDelta::seconds(90));
    let healthy = it.seen().await;
    assert_eq!((&healthy["health"], &healthy["lagSeconds"]), (&json!("healthy"), &json!(90)));
    assert_eq!(healthy["syncedAt"], shown(it.now() - TimeDelta::seconds(90)), "the last good sync");
    assert_eq!(healthy["schedule"]["nextRunAt"], shown(it.planned().await.next_run_at));
    assert!(healthy["schedule"]["nextFullPassAt"].is_string(), "{healthy}");

    it.test.clock.advance(TimeDelta::minutes(11));
    let late = it.seen().await;
    assert_eq!((&late["health"], &late["lagSeconds"]), (&json!("late"), &json!(750)));

    it.refuse_from(0);
    it.plan(it.now()).await;
    assert_eq!(it.shop.sync(RunMode::Full).await.status, "failed");
    let failing = it.seen().await;
    assert_eq!((&failing["health"], &failing["schedule"]["failures"]), (&json!("failing"), &json!(1)));
    assert_eq!(failing["schedule"]["failingSince"], shown(it.now()));
    assert_eq!(failing["failure"]["code"], "STORE_NOT_THERE", "{failing}");
    assert_eq!(failing["syncedAt"], healthy["syncedAt"]);

    it.call("POST", &format!("{}/pause", it.path()), None).await;
    assert_eq!(it.seen().await["health"], "paused");
    it.graphql("mutation($id: UUID!) { resumeIntegration(id: $id) { id } }", json!(null)).await;
    it.test.clock.advance(TimeDelta::minutes(1));
    assert_eq!(it.seen().await["health"], "failing");

    let run = it.newest().await.id;
    let stopped = schedule::ActiveModel {
        integration_id: sea_orm::Unchanged(it.shop.integration.0),
        held_code: sea_orm::Set(Some("RUN_KILLS_WORKER".to_owned())),
        held_run_id: sea_orm::Set(Some(run)),
        ..Default::default()
    };
    schedule::Entity::update(stopped).exec(&it.test.app.db).await.unwrap();
    let held = it.seen().await;
    assert_eq!((&held["health"], &held["state"]), (&json!("needs_attention"), &json!("active")));
    assert_eq!(
        (&held["schedule"]["heldCode"], &held["schedule"]["heldSyncId"]),
        (&json!("RUN_KILLS_WORKER"), &json!(run))
    );
}

async fn both_transports_show_what_somebody_has_to_do(db: TestDatabase) {
    let it = Scheduled::new(db, 20).await;
    assert!(it.shop.store.plan_fault(FaultPlan::once(Fault::RejectedCredentials)));
    it.due_run().await;
    let seen = it.seen().await;
    assert_eq!((&seen["health"], &seen["state"]), (&json!("needs_attention"), &json!("needs_attention")));
    assert_eq!(seen["stateCode"], "STORE_CREDENTIALS_REJECTED");
    assert_eq!(
        (&seen["failure"]["class"], &seen["failure"]["whoCanAct"]),
        (&json!("credentials"), &json!("store_admin"))
    );
    assert_eq!((&seen["failure"]["code"], &seen["failure"]["detail"]), (&seen["stateCode"], &seen["stateDetail"]));
}

async fn a_schedule_is_set_by_either_transport_alike(db: TestDatabase) {
    let it = Scheduled::refusing(db).await;
    it.due_run().await;
    it.plan(never()).await;
    let document = format!(
        "mutation($id: UUID!, $input: IntegrationChange!) {{ updateIntegration(id: $id, input: $input) {{ {PLAIN} \
         schedule {{ {SCHEDULE} }} }} }}"
    );
    let changes = [
        (json!({"intervalSeconds": 900}), json!([900, null, null])),
        (json!({"fullPassTime": "03:30", "timeZone": "Europe/Berlin"}), json!([900, "03:30", "Europe/Berlin"])),
        (json!({"intervalSeconds": 60}), json!([60, "03:30", "Europe/Berlin"])),
        (json!({"timeZone": null}), json!([60, "03:30", "UTC"])),
        (json!({"fullPassTime": null}), json!([60, null, null])),
    ];
    for (change, expected) in changes {
        let mut after = Vec::new();
        for by_graphql in [true, false] {
            let before = it.planned().await;
            let input = json!({"schedule": change});
            let answer = if by_graphql {
                chosen(&it.graphql(&document, input).await["updateIntegration"])
            } else {
                chosen(&it.call("PATCH", &it.path(), Some(input)).await)
            };
            let mut seen = it.seen().await;
            seen.as_object_mut().unwrap().remove("failure");
            assert_eq!(answer, seen, "{change}");
            let planned = &seen["schedule"];
            let set = json!([planned["intervalSeconds"], planned["fullPassTime"], planned["timeZone"]]);
            assert_eq!(set, expected, "{change}");
            after.push(seen);
            if by_graphql {
                // As it was, for the other one.
                let back = schedule::ActiveModel::from(before).reset_all();
                schedule::Entity::update(back).exec(&it.test.app.db).await.unwrap();
            }
        }
        assert_eq!(after[0], after[1], "{change}");
        it.test.clock.advance(TimeDelta::minutes(1));
    }
}
