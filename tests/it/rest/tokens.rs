//! `/oauth/token`, the keys, and tokens that are not ours.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    a_client_signs_in_by_form_and_by_basic,
    a_sign_in_that_is_wrong_says_so_in_the_words_of_oauth,
    a_token_that_ran_out_is_denied,
    tokens_that_are_not_ours_are_denied,
    the_keys_verify_the_tokens,
);

async fn a_client_signs_in_by_form_and_by_basic(db: TestDatabase) {
    let api = Api::new(db).await;
    let pair = STANDARD.encode(format!("{}:{}", api.account.client_id, api.account.client_secret));
    let header = format!("Basic {pair}");
    let form = "grant_type=client_credentials&scope=lists%3Aread+contacts%3Aread";
    let answer = api.form(form, &[("authorization", &header)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let token = answer.json();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["expires_in"], 3600);
    assert_eq!(token["scope"], "lists:read contacts:read");
    let token = token["access_token"].as_str().expect("a token");
    assert_eq!(api.call("GET", "/v1/lists", Some(token), None).await.status, StatusCode::OK);
}

async fn a_sign_in_that_is_wrong_says_so_in_the_words_of_oauth(db: TestDatabase) {
    let api = Api::new(db).await;
    let id = api.account.client_id;
    let secret = &api.account.client_secret;
    let cases = [
        (String::new(), 400, "invalid_request"),
        ("grant_type=password".to_owned(), 400, "unsupported_grant_type"),
        ("grant_type=client_credentials".to_owned(), 400, "invalid_request"),
        (format!("grant_type=client_credentials&client_id={id}&client_secret=guess"), 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=nobody&client_secret=guess".to_owned(), 401, "invalid_client"),
        (
            format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=all"),
            400,
            "invalid_scope",
        ),
        (
            format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&client_id={id}"),
            400,
            "invalid_request",
        ),
    ];
    for (form, status, word) in cases {
        let answer = api.form(&form, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (status, Some(word)), "{form}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let json = api.call("POST", "/oauth/token", None, Some(json!({}))).await;
    assert_eq!(json.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

async fn a_token_that_ran_out_is_denied(db: TestDatabase) {
    let api = Api::new(db).await;
    api.test.clock.advance(TimeDelta::minutes(59));
    assert_eq!(api.get("/v1/lists").await.status, StatusCode::OK);
    api.test.clock.advance(TimeDelta::minutes(1));
    assert_eq!(api.get("/v1/lists").await.status, StatusCode::UNAUTHORIZED);
}

async fn tokens_that_are_not_ours_are_denied(db: TestDatabase) {
    let api = Api::new(db).await;
    let parts: Vec<&str> = api.token.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("a token has three parts") };
    let decode = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with = |value: Value, name: &str, new: Value| {
        let mut value = value;
        value[name] = new;
        encode(&value)
    };
    let none = with(decode(head), "alg", json!("none"));
    let other_algorithm = with(decode(head), "alg", json!("HS256"));
    let other_key = with(decode(head), "kid", json!("01890000-0000-7000-8000-000000000000"));
    let other_account = with(decode(claims), "account", json!("01890000-0000-7000-8000-000000000000"));
    let longer = with(decode(claims), "exp", json!(4_000_000_000_u64));
    let forged = [
        String::new(),
        "nonsense".to_owned(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{other_algorithm}.{claims}.{signature}"),
        format!("{other_key}.{claims}.{signature}"),
        format!("{head}.{other_account}.{signature}"),
        format!("{head}.{longer}.{signature}"),
        format!("{head}.{claims}"),
        "x".repeat(100_000),
    ];
    for token in forged {
        let answer = api.call("GET", "/v1/lists", Some(&token), None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token:.80}");
    }
}

async fn the_keys_verify_the_tokens(db: TestDatabase) {
    let api = Api::new(db).await;
    let keys = api.call("GET", "/.well-known/jwks.json", None, None).await.json();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).expect("a key set");
    let id = jsonwebtoken::decode_header(&api.token).expect("a header").kid.expect("a key id");
    let key = jsonwebtoken::DecodingKey::from_jwk(set.find(&id).expect("the key")).expect("a usable key");
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    rules.set_audience(&["assent"]);
    rules.set_issuer(&["http://assent.test"]);
    rules.validate_exp = false;
    let token = jsonwebtoken::decode::<Value>(&api.token, &key, &rules).expect("the token is good");
    assert_eq!(token.claims["sub"], api.account.client_id.to_string());
}
