//! A store that answers as a test tells it to, over real HTTP on a loopback port, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use url::form_urlencoded;

/// One request as the store saw it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// How many came before it.
    pub(crate) number: usize,
    pub(crate) method: String,
    /// Where the store was reached, for example `http://127.0.0.1:4711`.
    pub(crate) origin: String,
    pub(crate) path: String,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The value of a field of a form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(&self.body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a parameter that is a number.
    pub(crate) fn number_of(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }
}

/// What the store answers; [`Reply::Silence`] is none at all, until the client hangs up.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Text {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    Silence,
    /// The answer as it was when it was asked for, sent once the gate has room.
    Held(Arc<Semaphore>, Box<Reply>),
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Self {
        Self::text(200, &body.to_string())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Text { status, headers: Vec::new(), body: body.to_owned() }
    }

    pub(crate) fn header(mut self, header: &str, shown: &impl ToString) -> Self {
        if let Self::Text { headers, .. } = &mut self {
            headers.push((header.to_owned(), shown.to_string()));
        }
        self
    }

    pub(crate) fn held(self, gate: &Arc<Semaphore>) -> Self {
        Self::Held(Arc::clone(gate), Box::new(self))
    }

    async fn sent(self) -> Response<Body> {
        let (status, headers, body) = match self {
            Self::Text { status, headers, body } => (status, headers, body),
            Self::Silence => return std::future::pending().await,
            Self::Held(gate, reply) => {
                drop(gate.acquire().await.expect("nobody closes a gate"));
                return Box::pin(reply.sent()).await;
            }
        };
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(Body::from(body)).expect("tests give headers that can be sent")
    }
}

/// The store; gone when dropped.
pub(crate) struct AnsweringStore {
    /// Its home address.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: JoinHandle<()>,
}

impl AnsweringStore {
    /// Starts a store whose every answer comes from `answer`.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (origin, log, answer) = (url.clone(), Arc::clone(&asked), Arc::new(answer));
        let routes = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
            let path = uri.path().to_owned();
            let mut log = log.lock().expect("no test panics with the log in hand");
            let (number, method, origin) = (log.len(), method.to_string(), origin.clone());
            let one = Asked { number, method, origin, path, query, headers, body };
            log.push(one.clone());
            let reply = answer(&one);
            async move { reply.sent().await }
        });
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("a loopback server runs until it is stopped");
        });
        Self { url, asked, server }
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panics with the log in hand").clone()
    }
}

impl Drop for AnsweringStore {
    fn drop(&mut self) {
        self.server.abort();
    }
}
