//! Documents that ask for too much are refused before they cost anything.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{ask, refusal};
use crate::support::api::Api;
use crate::support::databases::{Engine, TestDatabase, run};

/// Refusals do not depend on the database.
async fn refused(documents: &[(&str, String, &str)]) {
    run(Engine::Sqlite, async |db: TestDatabase| {
        let api = Api::new(db).await;
        for (what, document, code) in documents {
            let answer = ask(&api, Some(&api.token), document, json!({})).await;
            assert_eq!(answer.status, 400, "{what}");
            assert_eq!(refusal(&answer).0, *code, "{what}: {}", answer.text);
        }
    })
    .await;
}

/// Levels of fragments that spread the next one twice: 2^levels fields.
fn bomb(levels: usize) -> String {
    let mut document = "{ ...f0 }".to_owned();
    for level in 0..levels {
        let next = level + 1;
        write!(document, " fragment f{level} on Query {{ ...f{next} ...f{next} }}").expect("texts can be written");
    }
    write!(document, " fragment f{levels} on Query {{ me {{ actor }} }}").expect("texts can be written");
    document
}

fn repeated(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect()
}

#[tokio::test]
async fn a_document_over_a_limit_is_refused_with_one_code() {
    let deep = format!(
        "{{ contacts {{ nodes {} }} }}",
        repeated(5, |_| "{ memberships(first: 1) { nodes { contact ".to_owned()) + "{ id }" + &" } } }".repeat(5)
    );
    refused(&[
        ("a fragment bomb", bomb(24), "TOO_COMPLEX"),
        ("a wider one", bomb(45), "TOO_COMPLEX"),
        ("a fragment that spreads itself", "{ ...f } fragment f on Query { ...f }".to_owned(), "TOO_COMPLEX"),
        ("aliases at the root", format!("{{ {} }}", repeated(21, |n| format!("a{n}: me {{ actor }} "))), "TOO_COMPLEX"),
        ("aliases below", format!("{{ me {{ {} }} }}", repeated(101, |n| format!("a{n}: actor "))), "TOO_COMPLEX"),
        ("a deep path", deep, "TOO_COMPLEX"),
        (
            "pages in pages",
            "{ lists { nodes { contacts(first: 100) { nodes { memberships(first: 100) { nodes { id } } } } } } }"
                .to_owned(),
            "TOO_COMPLEX",
        ),
        ("many directives", format!("{{ me {} {{ actor }} }}", "@include(if: true) ".repeat(5)), "TOO_COMPLEX"),
        ("a long document", format!("{{ me {{ actor }} }} #{}", "x".repeat(64 * 1024)), "TOO_COMPLEX"),
        ("checking the chain twice", "{ a: verifyConsents { ok } b: verifyConsents { ok } }".to_owned(), "TOO_COMPLEX"),
        ("nesting that the parser refuses", "{ a ".repeat(200) + &"}".repeat(200), "MALFORMED"),
    ])
    .await;
}

#[tokio::test]
async fn errors_are_shown_up_to_a_limit() {
    run(Engine::Sqlite, async |db: TestDatabase| {
        let api = Api::new(db).await;
        let document = format!("{{ me {{ {} }} }}", repeated(100, |n| format!("nothing{n} ")));
        let answer = ask(&api, Some(&api.token), &document, json!({})).await;
        assert_eq!(answer.json()["errors"].as_array().map(Vec::len), Some(20), "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn a_refused_document_reads_nothing() {
    run(Engine::Sqlite, async |db: TestDatabase| {
        let api = Api::new(db).await;
        let statements = Arc::new(AtomicUsize::new(0));
        let mut app = api.test.app.clone();
        let count = Arc::clone(&statements);
        app.db.set_metric_callback(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let router = assent::server::router(app);
        let flood = format!("{{ {} }}", repeated(200, |n| format!("a{n}: lists {{ nodes {{ id }} }} ")));
        for (document, expected) in [(flood, 0), ("{ lists { nodes { id } } }".to_owned(), 1)] {
            statements.store(0, Ordering::Relaxed);
            let request = axum::http::Request::post("/graphql")
                .header("content-type", "application/json")
                .header("authorization", format!("Bearer {}", api.token))
                .body(axum::body::Body::from(json!({"query": document}).to_string()))
                .expect("a request");
            let answer = tower::ServiceExt::oneshot(router.clone(), request).await.expect("the router never fails");
            assert_eq!(answer.status(), 200);
            assert!(statements.load(Ordering::Relaxed) >= expected);
            assert!(expected > 0 || statements.load(Ordering::Relaxed) == 0);
        }
    })
    .await;
}

#[tokio::test]
async fn the_standard_introspection_query_passes() {
    run(Engine::Sqlite, async |db: TestDatabase| {
        let api = Api::new(db).await;
        let of_type = "ofType { kind name ".repeat(9) + &"} ".repeat(9);
        let document = format!(
            "query IntrospectionQuery {{ __schema {{ queryType {{ name }} mutationType {{ name }}
                types {{ ...FullType }} directives {{ name description locations args {{ ...InputValue }} }} }} }}
            fragment FullType on __Type {{ kind name description
                fields(includeDeprecated: true) {{ name description args {{ ...InputValue }} type {{ ...TypeRef }}
                    isDeprecated deprecationReason }}
                inputFields {{ ...InputValue }} interfaces {{ ...TypeRef }}
                enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
                possibleTypes {{ ...TypeRef }} }}
            fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue }}
            fragment TypeRef on __Type {{ kind name {of_type} }}"
        );
        let answer = ask(&api, Some(&api.token), &document, json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.json().get("errors").is_none());
    })
    .await;
}
