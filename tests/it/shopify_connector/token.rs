//! Both kinds of tokens.

use assent::connectors::ConnectorError;
use assent::domain::people::{StoreId, Stream};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::shop::{Answer, Asked, Shop, example, example_answer};

/// A shop of an own-organisation app: hands out `shpat_1`, `shpat_2` and so on, and takes only those that `accepts`.
async fn granting_shop(accepts: fn(&str) -> bool) -> Shop {
    let mut granted = 0;
    let behaviour = move |asked: &Asked| {
        if asked.path == "/admin/oauth/access_token" {
            granted += 1;
            let token = format!("shpat_{granted}");
            return Answer::json(&json!({"access_token": token, "scope": "read_customers", "expires_in": 86399}));
        }
        match asked.token.as_deref() {
            Some(token) if accepts(token) => example_answer("customer-by-id"),
            _ => Answer::status(401, &json!({"errors": "[API] Invalid API key or access token"})),
        }
    };
    let settings =
        json!({"clientId": "00000000000000000000000000000001", "clientSecret": "shpss_test_client_secret_0001"});
    Shop::open_with(settings, behaviour).await
}

async fn read_one(shop: &Shop) -> Result<(), ConnectorError> {
    shop.connector.record(Stream::Customers, &StoreId::new("9000000000004")).await.map(drop)
}

fn tokens_used(shop: &Shop) -> Vec<String> {
    shop.asked().into_iter().filter_map(|asked| asked.token).collect()
}

fn grants(shop: &Shop) -> usize {
    shop.asked().iter().filter(|asked| asked.token.is_none()).count()
}

#[tokio::test]
async fn a_granted_token_is_asked_for_as_in_the_example_and_kept() {
    let shop = granting_shop(|_| true).await;
    read_one(&shop).await.unwrap();
    read_one(&shop).await.unwrap();
    let form: serde_json::Map<String, Value> = url::form_urlencoded::parse(shop.asked()[0].form.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    assert_eq!(Value::Object(form), example("token-exchanges")["cases"][0]["request"]["form"]);
    assert_eq!(tokens_used(&shop), ["shpat_1", "shpat_1"]);
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_its_end() {
    let shop = granting_shop(|_| true).await;
    read_one(&shop).await.unwrap();
    shop.clock.advance(TimeDelta::seconds(86399 - 300));
    read_one(&shop).await.unwrap();
    assert_eq!(tokens_used(&shop), ["shpat_1", "shpat_2"]);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let shop = granting_shop(|token| token == "shpat_2").await;
    read_one(&shop).await.unwrap();
    assert_eq!(tokens_used(&shop), ["shpat_1", "shpat_2"]);
}

#[tokio::test]
async fn a_renewed_token_that_is_refused_too_means_bad_credentials() {
    let shop = granting_shop(|_| false).await;
    assert_eq!(read_one(&shop).await, Err(ConnectorError::CredentialsRejected));
    assert_eq!(grants(&shop), 2);
}

#[tokio::test]
async fn a_refused_client_means_bad_credentials() {
    let settings = json!({"clientId": "1", "clientSecret": "s"});
    let shop = Shop::open_with(settings, |_| Answer::status(400, &json!({"error": "invalid_client"}))).await;
    assert_eq!(read_one(&shop).await, Err(ConnectorError::CredentialsRejected));
}

#[tokio::test]
async fn a_fixed_token_that_is_refused_is_not_asked_for_again() {
    let shop = Shop::scripted(vec![Answer::status(401, &json!({"errors": "no"}))]).await;
    assert_eq!(read_one(&shop).await, Err(ConnectorError::CredentialsRejected));
    assert_eq!(tokens_used(&shop), ["shpat_1"]);
}
