//! Between a connector and a simulated store: passes everything on and keeps what was said.

use std::sync::{Arc, Mutex};

use assent::connectors::Http;
use assent::connectors::http::HostPolicy;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri, header};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::form_urlencoded;

use super::answering::{AnsweringStore, Reply};

/// Headers that belong to one connection.
const OF_THE_CONNECTION: [header::HeaderName; 3] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH];

/// One request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    /// JSON, or the fields of a form; `None` where there is none.
    pub(crate) request_body: Option<Value>,
    pub(crate) status: u16,
    /// JSON, or the text as it is; `None` where there is none.
    pub(crate) response_body: Option<Value>,
}

/// The proxy; gone when dropped.
pub(crate) struct RecordingProxy {
    /// Its address, to be used in the store's place.
    pub(crate) url: String,
    said: Arc<Mutex<Vec<Exchange>>>,
    server: JoinHandle<()>,
}

impl RecordingProxy {
    /// Starts a proxy to the store at `target`, an address without path. The `Host` header is passed on as it came.
    pub(crate) async fn start(target: &str) -> Self {
        Self::start_changing(target, |_| ()).await
    }

    /// The same; JSON answers are changed on the way.
    pub(crate) async fn start_changing(target: &str, change: fn(&mut Value)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let http = Http::new(HostPolicy::AllowPrivate, None).expect("a client can be made");
        let (log, target) = (Arc::clone(&said), target.to_owned());
        let routes = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (http, log, target) = (http.clone(), Arc::clone(&log), target.clone());
            async move {
                let (exchange, response) = pass_on(&http, &target, change, &method, &uri, headers, body).await;
                log.lock().expect("no test panics with the log in hand").push(exchange);
                response
            }
        });
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("a loopback server runs until it is stopped");
        });
        Self { url, said, server }
    }

    /// Everything that was said so far.
    pub(crate) fn said(&self) -> Vec<Exchange> {
        self.said.lock().expect("no test panics with the log in hand").clone()
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass_on(
    http: &Http,
    target: &str,
    change: fn(&mut Value),
    method: &Method,
    uri: &Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (Exchange, Response<Body>) {
    let url = format!("{target}{uri}").parse().expect("a request has an address");
    let request = http.request(method.clone(), url).headers(own(&headers)).body(body.clone());
    let answer = request.send().await.expect("the simulated store answers");
    let (status, answered) = (answer.status(), own(answer.headers()));
    let text = changed(answer.bytes().await.expect("the simulated store's answer can be read"), change);
    let exchange = Exchange {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: pairs(uri.query().unwrap_or_default().as_bytes()),
        request_body: read(&headers, &body),
        status: status.as_u16(),
        response_body: read(&answered, &text),
    };
    let mut response = Response::new(Body::from(text));
    (*response.status_mut(), *response.headers_mut()) = (status, answered);
    (exchange, response)
}

/// A JSON answer after the change; any other, and one that stays the same, to the byte.
fn changed(answer: Bytes, change: fn(&mut Value)) -> Bytes {
    let Ok(before) = serde_json::from_slice::<Value>(&answer) else { return answer };
    let mut after = before.clone();
    change(&mut after);
    if after == before { answer } else { after.to_string().into() }
}

fn own(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

fn read(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    if body.is_empty() {
        None
    } else if is_form {
        let fields: Map<String, Value> = pairs(body).into_iter().map(|(name, value)| (name, value.into())).collect();
        Some(fields.into())
    } else {
        Some(serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into()))
    }
}

#[tokio::test]
async fn what_passes_through_is_kept_and_arrives_as_it_was() {
    let store = AnsweringStore::start(|asked| match asked.path.as_str() {
        "/token" => Reply::text(200, "{\"token\":1}").header("Content-Type", &"application/json"),
        _ => Reply::text(404, "<html>").header("X-Left", &7),
    })
    .await;
    let proxy = RecordingProxy::start(&store.url).await;
    let http = Http::new(HostPolicy::AllowPrivate, None).unwrap();
    let address = |path: &str| format!("{}{path}", proxy.url).parse().unwrap();
    let token = http.request(Method::POST, address("/token")).form(&[("grant", "a b")]).send().await.unwrap();
    assert_eq!(token.text().await.unwrap(), "{\"token\":1}");
    let missing = http.request(Method::GET, address("/people?id%3Ain=1%2C2")).send().await.unwrap();
    assert_eq!((missing.status().as_u16(), missing.headers()["x-left"].to_str().unwrap()), (404, "7"));
    let [token, missing] = <[Exchange; 2]>::try_from(proxy.said()).unwrap();
    assert_eq!((token.method.as_str(), token.path.as_str()), ("POST", "/token"));
    assert_eq!((token.request_body, token.response_body), (Some(json!({"grant": "a b"})), Some(json!({"token": 1}))));
    assert_eq!(missing.query, [("id:in".to_owned(), "1,2".to_owned())]);
    assert_eq!((missing.status, missing.request_body, missing.response_body), (404, None, Some(json!("<html>"))));
    assert_eq!(store.asked()[1].get("id:in"), Some("1,2"));
}
