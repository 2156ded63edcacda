//! The control API of a simulated store, under [`super::CONTROL_PATH`]; never part of the vendor's API. JSON.
//!
//! | request | what |
//! |---|---|
//! | `GET /?from=0&limit=100` (also `/people`) | `{"platform","name","totals","items":[truth],"next":n or null}`; at most 1000 people a page |
//! | `GET /truth?email=a@example.com` | the truth about one address |
//! | `GET /totals` | how many people ought to be where |
//! | `POST /` (also `/changes`) | makes a change, answers with the truth about its address |
//! | `GET /faults` | planned faults, and how often each has struck |
//! | `POST /faults` | `{"fault":"throttled","times":2,"after":0,"on":"any"}`; `on` is `any`, `customers`, `orders` or `subscribers` |
//! | `DELETE /faults` | forgets planned faults |
//! | `POST /hidden` | `{"email":"a@example.com","on":"any","times":1}`: so many pages count somebody and don't show them; without `times` all |
//! | `DELETE /hidden` | shows everybody again |
//! | `GET /deliveries` | webhooks: who subscribed, what was sent, which faults are planned |
//! | `POST /deliveries/faults` | `{"fault":"dropped","times":1}`: `dropped`, `doubled`, `delayed` or `tampered` |
//! | `DELETE /deliveries/faults` | forgets planned ones and sends what was held back |
//! | `POST /deliveries/app` | `{"address":"https://…"}`: an app of the merchant's signs and delivers there (Shopware); `{"appSecret"}` |
//! | `GET /app` | the app as which a client talks to the store (Shopify): `{"installed":true,"complianceAddress":null}` |
//! | `PUT /app` | `{"complianceAddress":"https://…"}`: where the privacy topics go |
//! | `POST /app` | lets something happen to it, answers with `{"topics":[…]}`, what is sent about it |
//! | `PUT /latency` | `{"milliseconds":50}`: time that every vendor request takes at least |
//! | `PUT /clock` | `{"secondsAhead":-18000}`: moves the store to another time zone; every moment stays what it is |
//!
//! Changes are `{"change":"optIn","email"}`, `{"change":"optOut","email"}`,
//! `{"change":"changeEmail","email","to","keepOptIn"}`, `{"change":"delete","email"}`,
//! `{"change":"guestOrder","email","optIn"}`, `{"change":"looseOrder","email","optIn"}` (only the order tells of it) and
//! `{"change":"newCustomer","email","optIn"}`; `optIn` is true, false or null for "not asked". Events of the app are
//! `{"event":"requestData","email"}`, `{"event":"requestErasure","email"}`, `{"event":"uninstall"}`,
//! `{"event":"install"}` and `{"event":"eraseShop"}`: see [`super::AppEvent`]. Faults: see [`super::Fault`]. Errors are
//! `{"error":"a sentence"}` with 400, 404 or 409.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::names::normalized;
use super::server::Shared;
use super::truth::{Totals, Truth};
use super::{AppEvent, AppEventError, Change, ChangeError, Concealment, DeliveryFault, FaultPlan};
use crate::domain::Platform;

/// Most people a page.
const MAX_PEOPLE: u64 = 1000;
/// Longest latency that can be set.
const MAX_LATENCY_MS: u64 = 600_000;
/// Farthest that a clock on Earth is from UTC.
const MAX_SECONDS_AHEAD: u64 = 14 * 3600;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(people).post(change))
        .route("/people", get(people))
        .route("/changes", axum::routing::post(change))
        .route("/truth", get(truth))
        .route("/totals", get(totals))
        .route("/faults", get(faults).post(plan_fault).delete(clear_faults))
        .route("/hidden", axum::routing::post(conceal).delete(show_all))
        .route("/deliveries", get(deliveries))
        .route("/deliveries/faults", axum::routing::post(plan_delivery_fault).delete(clear_delivery_faults))
        .route("/deliveries/app", axum::routing::post(install_app))
        .route("/app", get(app).put(set_app).post(app_event))
        .route("/latency", put(set_latency))
        .route("/clock", put(set_clock))
        .with_state(shared)
}

/// A page of people.
#[derive(Debug, Serialize)]
struct People {
    platform: Platform,
    name: &'static str,
    totals: Totals,
    items: Vec<Truth>,
    next: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Window {
    #[serde(default)]
    from: u64,
    limit: Option<u64>,
}

async fn people(State(shared): State<Arc<Shared>>, window: Result<Query<Window>, QueryRejection>) -> Response {
    let Ok(Query(window)) = window else { return refused(StatusCode::BAD_REQUEST, "from and limit are whole numbers") };
    let limit = window.limit.unwrap_or(100).clamp(1, MAX_PEOPLE);
    let items = shared.truths(window.from, limit);
    let (totals, known) = {
        let state = shared.state();
        (state.totals(), state.population.people + state.added_addresses().len() as u64)
    };
    let next = window.from.saturating_add(limit);
    Json(People { platform: shared.platform, name: shared.name(), totals, items, next: (next < known).then_some(next) })
        .into_response()
}

#[derive(Debug, Deserialize)]
struct Who {
    email: String,
}

async fn truth(State(shared): State<Arc<Shared>>, who: Result<Query<Who>, QueryRejection>) -> Response {
    match who.ok().and_then(|Query(who)| normalized(&who.email)) {
        Some(address) => Json(shared.state().truth(&address)).into_response(),
        None => refused(StatusCode::BAD_REQUEST, "email must be an address"),
    }
}

async fn totals(State(shared): State<Arc<Shared>>) -> Json<Totals> {
    Json(shared.state().totals())
}

async fn change(State(shared): State<Arc<Shared>>, change: Result<Json<Change>, JsonRejection>) -> Response {
    let change = match change {
        Ok(Json(change)) => change,
        Err(rejection) => return refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    match shared.change(&change) {
        Ok(truth) => Json(truth).into_response(),
        Err(error) => {
            let status = match error {
                ChangeError::Nobody => StatusCode::NOT_FOUND,
                ChangeError::NoAccount | ChangeError::Taken => StatusCode::CONFLICT,
                ChangeError::BadAddress => StatusCode::BAD_REQUEST,
            };
            refused(status, &error.to_string())
        }
    }
}

async fn faults(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.faults.report()).into_response()
}

async fn plan_fault(State(shared): State<Arc<Shared>>, plan: Result<Json<FaultPlan>, JsonRejection>) -> Response {
    match plan {
        Ok(Json(plan)) if shared.faults.plan(plan) => faults(State(shared)).await,
        Ok(_) => refused(StatusCode::BAD_REQUEST, "times must be at least 1, and at most 100 faults can be planned"),
        Err(rejection) => refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.faults.clear();
    faults(State(shared)).await
}

async fn conceal(State(shared): State<Arc<Shared>>, who: Result<Json<Concealment>, JsonRejection>) -> Response {
    match who {
        Ok(Json(who)) if shared.hidden.add(&who) => Json(who).into_response(),
        Ok(_) => refused(StatusCode::BAD_REQUEST, "email must be an address, and times at least 1"),
        Err(rejection) => refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn show_all(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.hidden.clear();
    StatusCode::NO_CONTENT
}

async fn deliveries(State(shared): State<Arc<Shared>>) -> Response {
    Json(shared.deliveries.report()).into_response()
}

#[derive(Debug, Deserialize)]
struct PlannedFault {
    fault: DeliveryFault,
    times: u32,
}

async fn plan_delivery_fault(
    State(shared): State<Arc<Shared>>,
    plan: Result<Json<PlannedFault>, JsonRejection>,
) -> Response {
    match plan {
        Ok(Json(plan)) => {
            shared.deliveries.plan(plan.fault, plan.times);
            deliveries(State(shared)).await
        }
        Err(rejection) => refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn clear_delivery_faults(State(shared): State<Arc<Shared>>) -> Response {
    shared.deliveries.clear();
    deliveries(State(shared)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppAddress {
    address: String,
}

async fn install_app(State(shared): State<Arc<Shared>>, app: Result<Json<AppAddress>, JsonRejection>) -> Response {
    match app {
        Ok(Json(_)) if shared.platform != Platform::Shopware => {
            refused(StatusCode::CONFLICT, "the platform has no apps that sign in another way than its API")
        }
        Ok(Json(app)) if app.address.parse::<Url>().is_ok() => {
            Json(json!({ "appSecret": super::shopware::install_app(&shared, &app.address) })).into_response()
        }
        Ok(_) => refused(StatusCode::BAD_REQUEST, "address must be the address of the webhooks"),
        Err(rejection) => refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn app(State(shared): State<Arc<Shared>>) -> Response {
    let app = &shared.app;
    Json(json!({ "installed": app.is_installed(), "complianceAddress": app.compliance_address() })).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AppConfiguration {
    compliance_address: Option<String>,
}

async fn set_app(
    State(shared): State<Arc<Shared>>,
    configuration: Result<Json<AppConfiguration>, JsonRejection>,
) -> Response {
    match configuration {
        Ok(Json(AppConfiguration { compliance_address: Some(address) })) if address.parse::<Url>().is_err() => {
            refused(StatusCode::BAD_REQUEST, "complianceAddress must be an address such as https://example.com/hooks")
        }
        Ok(Json(AppConfiguration { compliance_address })) => {
            shared.app.set_compliance_address(compliance_address);
            app(State(shared)).await
        }
        Err(rejection) => refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn app_event(State(shared): State<Arc<Shared>>, event: Result<Json<AppEvent>, JsonRejection>) -> Response {
    let event = match event {
        Ok(Json(event)) => event,
        Err(rejection) => return refused(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    match shared.happens_to_the_app(&event) {
        Ok(topics) => Json(json!({ "topics": topics })).into_response(),
        Err(error) => {
            let status = match error {
                AppEventError::Nobody => StatusCode::NOT_FOUND,
                AppEventError::NoApps | AppEventError::NoAddress => StatusCode::CONFLICT,
                AppEventError::BadAddress => StatusCode::BAD_REQUEST,
            };
            refused(status, &error.to_string())
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Latency {
    milliseconds: u64,
}

async fn set_latency(State(shared): State<Arc<Shared>>, latency: Result<Json<Latency>, JsonRejection>) -> Response {
    match latency {
        Ok(Json(latency)) if latency.milliseconds <= MAX_LATENCY_MS => {
            shared.set_latency(Duration::from_millis(latency.milliseconds));
            Json(latency).into_response()
        }
        _ => refused(StatusCode::BAD_REQUEST, "milliseconds must be a whole number of at most 600000"),
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Clock {
    seconds_ahead: i64,
}

async fn set_clock(State(shared): State<Arc<Shared>>, clock: Result<Json<Clock>, JsonRejection>) -> Response {
    match clock {
        Ok(Json(clock)) if clock.seconds_ahead.unsigned_abs() <= MAX_SECONDS_AHEAD => {
            shared.set_seconds_ahead(clock.seconds_ahead);
            Json(clock).into_response()
        }
        _ => refused(StatusCode::BAD_REQUEST, "secondsAhead must be a whole number between -50400 and 50400"),
    }
}

fn refused(status: StatusCode, sentence: &str) -> Response {
    (status, Json(json!({ "error": sentence }))).into_response()
}
