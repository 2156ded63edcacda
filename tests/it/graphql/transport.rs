//! GraphQL over HTTP: methods, content types, statuses. The audits of `graphql-http` 1.23.1 were run by hand; these
//! are the ones that matter, and what the audits do not look at.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

use crate::support::api::{Answer, Api};
use crate::support::databases::{TestDatabase, both_databases};

both_databases!(
    content_type_and_status_follow_what_is_accepted,
    a_body_that_is_no_request_is_a_problem,
    a_query_may_come_by_get_and_a_mutation_may_not,
    a_subscription_is_told_where_to_go,
    an_offer_to_speak_another_protocol_is_passed_over,
    without_a_token_there_is_nothing_to_see,
);

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Posts a body as JSON, with more headers.
pub(super) async fn post(api: &Api, token: Option<&str>, headers: &[(&str, &str)], body: &str) -> Answer {
    send(api, "POST", "/graphql", token, &[&[("content-type", "application/json")], headers].concat(), body).await
}

async fn send(
    api: &Api,
    method: &str,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    api.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

fn content_type(answer: &Answer) -> &str {
    answer.headers[header::CONTENT_TYPE].to_str().expect("a content type")
}

async fn content_type_and_status_follow_what_is_accepted(db: TestDatabase) {
    const NEW: &str = "application/graphql-response+json";
    const OLD: &str = "application/json";
    let api = Api::new(db).await;
    let good = r#"{"query":"{ me { actor } }"}"#;
    let failing = r#"{"query":"{ contact(id: \"0190163d-8694-739b-aea5-966c26f8ad91\") { id } }"}"#;
    let unparsable = r#"{"query":"{"}"#;
    let invalid = r#"{"query":"{ nothing }"}"#;
    let uncoercible = r#"{"query":"query($id: UUID!) { contact(id: $id) { id } }"}"#;
    let unknown = r#"{"query":"query A { me { actor } }","operationName":"B"}"#;
    let nulls = r#"{"query":"{ me { actor } }","variables":null,"operationName":null,"extensions":null}"#;
    // What is accepted; body; status; content type; whether there is data.
    let cases: &[(&str, &str, u16, &str, bool)] = &[
        (NEW, good, 200, NEW, true),
        (OLD, good, 200, OLD, true),
        ("*/*", good, 200, OLD, true),
        ("text/html", good, 200, OLD, true),
        ("application/graphql-response+json, application/json;q=0.9", good, 200, NEW, true),
        (NEW, nulls, 200, NEW, true),
        (NEW, failing, 200, NEW, true),
        (NEW, unparsable, 400, NEW, false),
        (OLD, unparsable, 200, OLD, false),
        (NEW, invalid, 400, NEW, false),
        (OLD, invalid, 200, OLD, false),
        (NEW, uncoercible, 400, NEW, false),
        (OLD, uncoercible, 200, OLD, false),
        (NEW, unknown, 400, NEW, false),
    ];
    for (accept, body, status, kind, has_data) in cases {
        let answer = post(&api, Some(&api.token), &[("accept", accept)], body).await;
        assert_eq!(answer.status.as_u16(), *status, "{accept} {body}");
        assert_eq!(content_type(&answer), format!("{kind}; charset=utf-8"), "{accept} {body}");
        assert_eq!(answer.json().get("data").is_some(), *has_data, "{accept} {body}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
}

async fn a_body_that_is_no_request_is_a_problem(db: TestDatabase) {
    let api = Api::new(db).await;
    let json = ("content-type", "application/json");
    let large = format!(r#"{{"query":"{}"}}"#, " ".repeat(1024 * 1024));
    let cases: &[(Headers<'_>, &str, u16, &str)] = &[
        (&[json], "{", 400, "MALFORMED"),
        (&[json], "[{\"query\":\"{ me { actor } }\"}]", 400, "MALFORMED"),
        (&[json], "{}", 400, "MALFORMED"),
        (&[json], "{\"query\":7}", 400, "MALFORMED"),
        (&[json], "{\"query\":\"{ me { actor } }\",\"variables\":[]}", 400, "MALFORMED"),
        (&[json], "{\"query\":\"{ me { actor } }\",\"operationName\":7}", 400, "MALFORMED"),
        (&[json], "{\"query\":\"{ me { actor } }\",\"extensions\":7}", 400, "MALFORMED"),
        (&[json], &large, 413, "TOO_LARGE"),
        (&[], "{\"query\":\"{ me { actor } }\"}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (&[("content-type", "text/plain")], "{\"query\":\"{ me { actor } }\"}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (&[("content-type", "application/x-www-form-urlencoded")], "query={me{actor}}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ];
    for (headers, body, status, code) in cases {
        let answer = send(&api, "POST", "/graphql", Some(&api.token), headers, body).await;
        assert_eq!(answer.problem(), (*status, (*code).to_owned(), String::new()), "{headers:?}");
    }
}

async fn a_query_may_come_by_get_and_a_mutation_may_not(db: TestDatabase) {
    let api = Api::new(db).await;
    let get = async |query: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        send(&api, "GET", &format!("/graphql?{query}&variables=%7B%7D"), Some(&api.token), &[], "").await
    };
    let answer = get("{ me { accountId } }").await;
    assert_eq!(answer.json()["data"]["me"]["accountId"], json!(api.account.account_id));
    let mutation = get(r#"mutation { createList(input: {name: "L", purpose: OTHER}) { id } }"#).await;
    assert_eq!(mutation.problem().1, "METHOD_NOT_ALLOWED");
    assert_eq!(mutation.headers[header::ALLOW], "POST");
    let lists = get("{ lists { nodes { name } } }").await;
    assert_eq!(lists.json()["data"]["lists"]["nodes"], json!([]));
    let put = send(&api, "PUT", "/graphql", Some(&api.token), &[], "").await;
    assert_eq!(
        (put.problem().1.as_str(), &put.headers[header::ALLOW]),
        ("METHOD_NOT_ALLOWED", &"GET, POST".parse().expect("a header"))
    );
}

async fn an_offer_to_speak_another_protocol_is_passed_over(db: TestDatabase) {
    let api = Api::new(db).await;
    let offer = [("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAEAAEAAAAIAAAAB")];
    let answer = send(&api, "GET", "/graphql?query=%7Bme%7BaccountId%7D%7D", Some(&api.token), &offer, "").await;
    assert_eq!(answer.json()["data"]["me"]["accountId"], json!(api.account.account_id), "{}", answer.text);
}

async fn a_subscription_is_told_where_to_go(db: TestDatabase) {
    let api = Api::new(db).await;
    let query = "subscription { syncProgress(syncId: \"0190163d-8694-739b-aea5-966c26f8ad91\") { percent } }";
    let accept = [("accept", "application/graphql-response+json")];
    let posted = post(&api, Some(&api.token), &accept, &json!({"query": query}).to_string()).await;
    let path = url::form_urlencoded::Serializer::for_suffix("/graphql?".to_owned(), "/graphql?".len())
        .append_pair("query", query)
        .finish();
    let got = send(&api, "GET", &path, Some(&api.token), &accept, "").await;
    for answer in [posted, got] {
        assert_eq!((answer.status.as_u16(), super::refusal(&answer).0.as_str()), (400, "MALFORMED"));
        assert!(answer.text.contains("graphql-transport-ws"), "{}", answer.text);
    }
    for upgrade in ["websocket", "WebSocket"] {
        let half = send(&api, "GET", "/graphql", Some(&api.token), &[("upgrade", upgrade)], "").await;
        assert_eq!(half.problem().1, "MALFORMED");
    }
}

async fn without_a_token_there_is_nothing_to_see(db: TestDatabase) {
    let api = Api::new(db).await;
    for query in ["{ me { actor } }", "{ __schema { queryType { name } } }", "{ __typename }", "{"] {
        let body = json!({"query": query}).to_string();
        for token in [None, Some("nonsense")] {
            let answer = post(&api, token, &[], &body).await;
            assert_eq!(answer.problem(), (401, "UNAUTHENTICATED".to_owned(), String::new()), "{query}");
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
    }
    let schema = send(&api, "GET", "/schema.graphql", None, &[], "").await;
    assert_eq!(schema.text, assent::graphql::export(&assent::graphql::schema()));
}
