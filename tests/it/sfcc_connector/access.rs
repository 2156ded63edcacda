//! Tokens, budget, and what the platform's refusals mean.

use assent::connectors::{ConnectorError, Pass};
use assent::domain::people::Stream;
use chrono::TimeDelta;
use serde_json::json;

use super::store::{Dates, Open, SEARCH, TOKEN, open, problem, read, search, settings};
use crate::support::answering::{AnsweringStore, Asked, Reply};

fn empty(asked: &Asked) -> Reply {
    if asked.path == SEARCH { search(&[], Dates::Known, asked) } else { Reply::json(&json!({"data": []})) }
}

async fn refusal(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static, stream: Stream) -> ConnectorError {
    let open = Open::with(answer).await;
    read(&*open.connector, stream, Pass::Full, None).await.expect_err("the pass must fail")
}

#[tokio::test]
async fn a_token_is_asked_for_with_the_tenant_and_every_scope_and_sent_as_bearer() {
    let open = Open::with(empty).await;
    read(&*open.connector, Stream::Customers, Pass::Full, None).await.unwrap();
    read(&*open.connector, Stream::Orders, Pass::Full, None).await.unwrap();
    let [granted] = <[Asked; 1]>::try_from(open.asked_at(TOKEN)).unwrap();
    assert_eq!((granted.method.as_str(), granted.field("grant_type").as_deref()), ("POST", Some("client_credentials")));
    assert_eq!(
        granted.field("scope").as_deref(),
        Some("SALESFORCE_COMMERCE_API:zzxy_prd sfcc.customerlists sfcc.orders")
    );
    assert_eq!(granted.field("client_id").as_deref(), Some("assent"));
    assert_eq!(granted.field("client_secret").as_deref(), Some("hush"));
    let searched = &open.asked_at(SEARCH)[0];
    assert_eq!(searched.header("authorization"), Some("Bearer token-0"));
    assert_eq!(searched.header("correlation-id").map(str::len), Some(32));
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_before_its_end() {
    let open = Open::with(empty).await;
    for (seconds, tokens) in [(0, 1), (1738, 1), (2, 2)] {
        open.clock.advance(TimeDelta::seconds(seconds));
        read(&*open.connector, Stream::Orders, Pass::Full, None).await.unwrap();
        assert_eq!(open.asked_at(TOKEN).len(), tokens, "after another {seconds} s");
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let open = Open::with(|asked| match asked.header("authorization") {
        Some("Bearer token-0") => problem(401, "invalid-access-token"),
        _ => empty(asked),
    })
    .await;
    read(&*open.connector, Stream::Orders, Pass::Full, None).await.unwrap();
    assert_eq!(open.asked_at(TOKEN).len(), 2);
    let always = refusal(|_| problem(401, "invalid-access-token"), Stream::Orders).await;
    assert_eq!(always, ConnectorError::CredentialsRejected);
}

#[tokio::test]
async fn account_managers_refusals_are_told_apart() {
    let forbidden = "one of the scopes SALESFORCE_COMMERCE_API:zzxy_prd sfcc.customerlists sfcc.orders";
    for (status, error, expected) in [
        (401, "invalid_client", ConnectorError::CredentialsRejected),
        (400, "invalid_grant", ConnectorError::CredentialsRejected),
        (400, "invalid_scope", ConnectorError::Forbidden { what: forbidden.to_owned() }),
        (500, "server_error", ConnectorError::StoreFailed { status: 500, after: None }),
        (429, "slow_down", ConnectorError::Throttled { after: None }),
    ] {
        let store = AnsweringStore::start(move |_| Reply::text(status, &json!({"error": error}).to_string())).await;
        let clock = std::sync::Arc::new(assent::domain::SystemClock);
        let connector = open(&settings(&store.url), clock);
        let result = read(&*connector, Stream::Customers, Pass::Full, None).await;
        assert_eq!(result.unwrap_err(), expected, "{status} {error}");
    }
}

#[tokio::test]
async fn the_platforms_refusals_are_told_by_status_and_type_and_never_by_text() {
    let no_list = ConnectorError::NotThere { what: "customer list with the id in settings.customerListId" };
    let no_site = ConnectorError::NotThere { what: "site with one of the ids in settings.siteIds" };
    for (stream, status, kind, expected) in [
        (Stream::Customers, 404, "customer-list-not-found", no_list),
        (Stream::Orders, 404, "site-not-found", no_site),
        (Stream::Orders, 400, "invalid-query-parameter", ConnectorError::Refused { status: 400 }),
        (Stream::Orders, 429, "too-many-requests", ConnectorError::Throttled { after: None }),
        (Stream::Orders, 503, "service-unavailable", ConnectorError::StoreFailed { status: 503, after: None }),
        (Stream::Orders, 504, "gateway-timeout", ConnectorError::StoreFailed { status: 504, after: None }),
    ] {
        assert_eq!(refusal(move |_| problem(status, kind), stream).await, expected, "{kind}");
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    for (stream, scope) in [(Stream::Customers, "sfcc.customerlists"), (Stream::Orders, "sfcc.orders")] {
        match refusal(|_| problem(403, "forbidden"), stream).await {
            ConnectorError::Forbidden { what } => {
                assert!(what.contains(scope), "{what}");
                assert!(what.contains("SALESFORCE_COMMERCE_API:zzxy_prd"), "{what}");
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn load_shedding_is_a_request_to_slow_down() {
    let shed = |_: &Asked| problem(503, "service-unavailable").header("sfdc_load", &100).header("Retry-After", &2);
    let after = Some(std::time::Duration::from_secs(2));
    assert_eq!(refusal(shed, Stream::Orders).await, ConnectorError::Throttled { after });
}

#[tokio::test]
async fn pages_shrink_on_a_store_that_does_not_answer_in_time() {
    let open = Open::with(|asked| match asked.number_of("limit") {
        Some(200 | 100) => problem(504, "gateway-timeout"),
        _ => empty(asked),
    })
    .await;
    for _ in 0..2 {
        read(&*open.connector, Stream::Orders, Pass::Full, None).await.unwrap_err();
    }
    read(&*open.connector, Stream::Orders, Pass::Full, None).await.unwrap();
}

#[tokio::test]
async fn what_is_not_the_platforms_format_is_told_without_its_text() {
    for body in ["<html>hush</html>", "{\"data\": 7}", "[]", "{\"data\": [", ""] {
        let error = refusal(move |_| Reply::text(200, body), Stream::Orders).await;
        assert_eq!(error, ConnectorError::BadAnswer { what: "a list of orders" }, "{body}");
    }
}
