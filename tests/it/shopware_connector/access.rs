//! Tokens: asked for seldom, shared, renewed in time.

use assent::connectors::{ConnectorError, Retry};
use assent::domain::people::{StoreId, Stream};
use chrono::TimeDelta;
use serde_json::json;

use super::shop::{KEY_ID, SECRET, Shop, answer_of, example, id, page, refusal, token};
use crate::support::answering::Reply;

fn expired() -> Reply {
    refusal(401, "9", "Access token could not be verified", &json!([]))
}

/// A shop whose token calls give `t1`, `t2` and so on, and which takes those that `accepts`.
async fn granting(accepts: fn(&str) -> bool) -> Shop {
    let granted = std::sync::atomic::AtomicU32::new(0);
    Shop::with_tokens(move |asked| {
        if asked.path == "/api/oauth/token" {
            let number = granted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            return token(&format!("t{number}"), 600);
        }
        let bearer = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if bearer.is_some_and(accepts) { page(&[], 0) } else { expired() }
    })
    .await
}

async fn read_one(shop: &Shop) -> Result<(), ConnectorError> {
    shop.connector().record(Stream::Customers, &StoreId::new(id(1))).await.map(drop)
}

#[tokio::test]
async fn a_token_is_asked_for_as_documented_and_outlives_its_connector() {
    let shop = granting(|_| true).await;
    for _ in 0..12 {
        read_one(&shop).await.unwrap();
    }
    assert_eq!(shop.grants(), 1, "the cloud allows ten a minute");
    let asked = &shop.store.asked()[0];
    let body = json!({"grant_type": "client_credentials", "client_id": KEY_ID, "client_secret": SECRET});
    assert_eq!((asked.method.as_str(), asked.json()), ("POST", body));
    assert_eq!(asked.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn those_who_need_a_token_at_the_same_time_share_one_call() {
    let shop = granting(|_| true).await;
    let (one, other) = (shop.connector(), shop.connector());
    let row = StoreId::new(id(1));
    let (one, other) = tokio::join!(one.record(Stream::Customers, &row), other.record(Stream::Subscribers, &row));
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(shop.grants(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_before_its_end() {
    let shop = granting(|_| true).await;
    read_one(&shop).await.unwrap();
    shop.clock.advance(TimeDelta::seconds(539));
    read_one(&shop).await.unwrap();
    assert_eq!(shop.grants(), 1);
    shop.clock.advance(TimeDelta::seconds(1));
    read_one(&shop).await.unwrap();
    assert_eq!(shop.grants(), 2);
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_the_request_repeated() {
    let shop = granting(|token| token == "t2").await;
    read_one(&shop).await.unwrap();
    assert_eq!((shop.grants(), shop.asked().len()), (2, 2));
}

#[tokio::test]
async fn a_renewed_token_that_is_refused_too_means_bad_credentials() {
    let shop = granting(|_| false).await;
    assert_eq!(read_one(&shop).await, Err(ConnectorError::CredentialsRejected));
    assert_eq!((shop.grants(), shop.asked().len()), (2, 2));
}

#[tokio::test]
async fn a_wrong_secret_means_bad_credentials() {
    let wrong =
        json!({"errors": [{"code": "4", "status": "401", "title": "Client authentication failed", "detail": null}]});
    let shop = Shop::with_tokens(move |_| Reply::text(401, &wrong.to_string())).await;
    assert_eq!(read_one(&shop).await, Err(ConnectorError::CredentialsRejected));
    assert_eq!(shop.grants(), 1, "asking again changes nothing");
}

#[tokio::test]
async fn a_throttled_token_call_says_how_long_to_wait() {
    let seconds = std::time::Duration::from_secs(10);
    let told = refusal(429, "FRAMEWORK__AUTH_THROTTLED", "Auth throttled for 10 seconds.", &json!({"seconds": 10}));
    let in_header = Reply::text(429, "Too Many Requests").header("Retry-After", &10);
    for reply in [told, in_header] {
        let shop = Shop::with_tokens(move |_| reply.clone()).await;
        let error = read_one(&shop).await.unwrap_err();
        assert_eq!(
            (error.clone(), error.retry()),
            (ConnectorError::Throttled { after: Some(seconds) }, Retry::After(seconds))
        );
    }
}

#[tokio::test]
async fn the_vendors_examples_of_access_are_understood() {
    let (Some(granted), Some(refused), Some(throttled)) =
        (example("oauth_token_200"), example("oauth_token_401_invalid_client"), example("oauth_token_429"))
    else {
        return;
    };
    for (example, outcome) in [
        (granted, Ok(())),
        (refused, Err(ConnectorError::CredentialsRejected)),
        (throttled, Err(ConnectorError::Throttled { after: Some(std::time::Duration::from_secs(10)) })),
    ] {
        let reply = answer_of(&example);
        let answer = move |asked: &crate::support::answering::Asked| {
            if asked.path == "/api/oauth/token" { reply.clone() } else { page(&[], 0) }
        };
        assert_eq!(read_one(&Shop::with_tokens(answer).await).await, outcome);
    }
}
