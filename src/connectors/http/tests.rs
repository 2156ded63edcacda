use std::io::{self, Write};
use std::sync::{Arc, Mutex as StdMutex};

use futures::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn any_host(timeout: Option<Duration>) -> Http {
    Http::new(HostPolicy::AllowPrivate, timeout).unwrap()
}

async fn listen() -> (TcpListener, url::Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/private/path?secret=hush", listener.local_addr().unwrap());
    (listener, url.parse().unwrap())
}

/// Reads a request's head, which is all there is of a GET.
async fn head(connection: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).await.unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Sends one request to a server that gives one answer; returns what came of it and the request's head.
async fn exchange(answer: &[u8]) -> (Result<Answer, ConnectorError>, String) {
    let (listener, url) = listen().await;
    let http = any_host(None);
    let pace = Pace::default();
    let server = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let head = head(&mut connection).await;
        // A client that has read enough hangs up.
        connection.write_all(answer).await.ok();
        head
    };
    let request = http.request(reqwest::Method::GET, url).header("authorization", "Basic hush");
    tokio::join!(http.send(Platform::WooCommerce, &pace, 1.0, request), server)
}

fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    Answer { status: reqwest::StatusCode::from_u16(status).unwrap(), headers, body: Bytes::new() }
}

#[test]
fn each_status_stands_for_one_error() {
    for (status, error) in [
        (301, ConnectorError::Moved),
        (400, ConnectorError::Refused { status: 400 }),
        (401, ConnectorError::CredentialsRejected),
        (404, ConnectorError::NotThere { what: "such API" }),
        (406, ConnectorError::Refused { status: 406 }),
        (408, ConnectorError::TimedOut),
        (410, ConnectorError::NotThere { what: "such API" }),
        (429, ConnectorError::Throttled { after: None }),
        (430, ConnectorError::Throttled { after: None }),
        (500, ConnectorError::StoreFailed { status: 500, after: None }),
        (503, ConnectorError::StoreFailed { status: 503, after: None }),
    ] {
        assert_eq!(answer(status, &[]).checked().unwrap_err(), error);
    }
    assert!(matches!(answer(403, &[]).checked(), Err(ConnectorError::Forbidden { .. })));
    assert!(answer(200, &[]).checked().is_ok() && answer(204, &[]).checked().is_ok());
}

#[test]
fn retry_after_is_read_in_every_spelling_and_bounded() {
    let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
    for (headers, expected) in [
        (vec![("retry-after", "30")], Some(Duration::from_secs(30))),
        (vec![("retry-after", "2.5")], Some(Duration::from_millis(2500))),
        (vec![("retry-after", "86400")], Some(MAX_RETRY_AFTER)),
        (vec![("retry-after", "1e300")], Some(MAX_RETRY_AFTER)),
        (vec![("retry-after", "-1")], None),
        (vec![("retry-after", "NaN")], None),
        (vec![("retry-after", "soon")], None),
        (vec![("retry-after", "Wed, 21 Oct 2015 07:29:00 GMT"), date], Some(Duration::from_mins(1))),
        (vec![("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT"), date], Some(Duration::ZERO)),
        (vec![("retry-after", "Thu, 22 Oct 2015 07:28:00 GMT"), date], Some(MAX_RETRY_AFTER)),
        (vec![("retry-after", "Wed, 21 Oct 2015 07:29:00 GMT")], None),
        (vec![], None),
    ] {
        assert_eq!(answer(503, &headers).retry_after(), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_store_is_asked_for_json_by_name() {
    let (result, head) = exchange(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
    assert_eq!(result.unwrap().body.as_ref(), b"{}");
    assert!(head.contains("accept: application/json\r\n"), "{head}");
    assert!(head.contains(concat!("user-agent: Assent/", env!("CARGO_PKG_VERSION"))), "{head}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_bad_answer() {
    for broken in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n[{\"id\""[..],
        &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\n[{\"id"[..],
        &b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnope"[..],
    ] {
        let (result, _) = exchange(broken).await;
        assert_eq!(result.unwrap_err(), ConnectorError::BadAnswer { what: "the whole body" });
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let mut endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    endless.resize(MAX_BODY_BYTES + 1024 * 1024, b' ');
    let (result, _) = exchange(&endless).await;
    assert_eq!(result.unwrap_err(), ConnectorError::TooLarge { limit: MAX_BODY_BYTES });
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (result, _) = exchange(
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(result.unwrap().checked().unwrap_err(), ConnectorError::Moved);
}

#[tokio::test]
async fn a_store_that_does_not_answer_times_out() {
    let (listener, url) = listen().await;
    let http = any_host(Some(Duration::from_millis(50)));
    let pace = Pace::default();
    let server = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        head(&mut connection).await;
        // Until the client hangs up.
        connection.read_to_end(&mut Vec::new()).await.ok();
    };
    let request = http.request(reqwest::Method::GET, url);
    let (result, ()) = tokio::join!(http.send(Platform::WooCommerce, &pace, 1.0, request), server);
    assert_eq!(result.unwrap_err(), ConnectorError::TimedOut);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unreachable() {
    let (listener, url) = listen().await;
    drop(listener);
    let http = any_host(None);
    let request = http.request(reqwest::Method::GET, url);
    let result = http.send(Platform::WooCommerce, &Pace::default(), 1.0, request).await;
    assert_eq!(result.unwrap_err(), ConnectorError::Unreachable);
}

#[tokio::test]
async fn private_addresses_are_refused_however_they_are_written() {
    let http = Http::new(HostPolicy::PublicOnly, None).unwrap();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "10.0.0.8",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fd00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::10.0.0.8]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::8.8.8.8]",
        "[2002:7f00:1::]",
        "[2002:c0a8:101::1]",
        "localhost",
        "LOCALHOST",
    ] {
        let request = http.request(reqwest::Method::GET, format!("http://{host}:9/").parse().unwrap());
        let result = http.send(Platform::WooCommerce, &Pace::default(), 1.0, request).await;
        assert_eq!(result.unwrap_err(), ConnectorError::PrivateHost, "{host}");
    }
}

#[test]
fn public_addresses_are_not_private() {
    for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::1"] {
        assert!(!is_private(address.parse().unwrap()), "{address}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused_when_it_is_resolved() {
    let http = Http::new(HostPolicy::PublicOnly, None).unwrap();
    let (listener, _) = listen().await;
    let port = listener.local_addr().unwrap().port();
    // Past the check of the written address, as a name would be that changes its mind.
    let request = http.request(reqwest::Method::GET, format!("http://localhost:{port}/").parse().unwrap());
    let result = http.exchange(request.build().unwrap()).await;
    assert_eq!(result.unwrap_err(), ConnectorError::PrivateHost);
    assert!(listener.accept().now_or_never().is_none(), "nobody connected");
}

#[tokio::test]
async fn one_store_is_asked_one_thing_at_a_time() {
    let (listener, url) = listen().await;
    let http = any_host(None);
    let pace = Pace::default();
    let server = async {
        for _ in 0..2 {
            let (mut connection, _) = listener.accept().await.unwrap();
            head(&mut connection).await;
            assert!(listener.accept().now_or_never().is_none(), "a second request is under way");
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.write_all(answer).await.unwrap();
        }
    };
    let send = || http.send(Platform::WooCommerce, &pace, 1.0, http.request(reqwest::Method::GET, url.clone()));
    let (first, second, ()) = tokio::join!(send(), send(), server);
    assert!(first.is_ok() && second.is_ok());
}

#[tokio::test]
async fn the_pace_follows_the_reported_budget() {
    let pace = Pace::default();
    assert_eq!(pace.delay(1000.0), Duration::ZERO, "nothing is known yet");
    pace.report(100.0, 1000.0, 50.0);
    assert_eq!(pace.delay(100.0), Duration::ZERO);
    let delay = pace.delay(200.0).as_secs_f64();
    assert!((1.5..=2.0).contains(&delay), "100 missing at 50 a second: {delay}");
    let most = pace.delay(1e9).as_secs_f64();
    assert!((17.5..=18.0).contains(&most), "more than the bucket holds waits for a full bucket: {most}");
    pace.report(0.0, 1000.0, 0.0);
    assert_eq!(pace.delay(1.0), MAX_RETRY_AFTER, "a bucket that does not fill");
    pace.report(f64::NAN, 1000.0, 50.0);
    assert_eq!(pace.delay(1.0), MAX_RETRY_AFTER, "nonsense is not taken over");
}

#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_log_nor_error_names_the_address_or_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    // With one subscriber alone, a thread without any that comes upon a log line first switches it off for all.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let broken = b"HTTP/1.1 200 OK\r\nx-private: hush\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhush";
    let (result, _) = exchange(broken).await;
    drop(guard);
    let error = result.unwrap_err();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("store request") && log.contains("STORE_BAD_ANSWER"), "{log}");
    for text in [log, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("hush") && !text.contains("/private/path"), "{text}");
    }
}

/// Serves one request for a file and gives its lines, with where each next one begins, and the request's head.
async fn lines_of(answer: &[u8], from: u64) -> (Result<Vec<(String, bool, u64)>, ConnectorError>, String) {
    let (listener, url) = listen().await;
    let http = any_host(None);
    let server = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        let head = head(&mut connection).await;
        connection.write_all(answer).await.ok();
        head
    };
    let client = async {
        let mut lines = http.lines(Platform::Shopify, url, from).await?;
        let mut read = Vec::new();
        while let Some(line) = lines.next().await? {
            read.push((String::from_utf8(line.bytes.to_vec()).unwrap(), line.is_ended, lines.offset()));
        }
        Ok(read)
    };
    tokio::join!(client, server)
}

fn text(line: &str, is_ended: bool, offset: u64) -> (String, bool, u64) {
    (line.to_owned(), is_ended, offset)
}

#[tokio::test]
async fn a_file_is_read_line_by_line_from_any_place_on() {
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nab\n\r\ncd\r\nlast";
    let (read, head) = lines_of(whole, 0).await;
    assert_eq!(read.unwrap(), [text("ab", true, 3), text("cd", true, 9), text("last", false, 13)]);
    assert!(!head.contains("range:"), "{head}");
    // A server that does not know ranges, and one that does.
    let (read, head) = lines_of(whole, 3).await;
    assert_eq!(read.unwrap(), [text("cd", true, 9), text("last", false, 13)]);
    assert!(head.contains("range: bytes=3-") && head.contains("accept-encoding: identity"), "{head}");
    let part = b"HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 9-12/13\r\ncontent-length: 4\r\n\r\nlast";
    assert_eq!(lines_of(part, 9).await.0.unwrap(), [text("last", false, 13)]);
    let after_the_end = b"HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(lines_of(after_the_end, 13).await.0.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_is_not_what_was_asked_for_is_refused() {
    let elsewhere = b"HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-3/4\r\ncontent-length: 4\r\n\r\nlast";
    assert!(matches!(lines_of(elsewhere, 9).await.0, Err(ConnectorError::BadAnswer { .. })));
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nab\nc";
    assert!(matches!(lines_of(cut, 0).await.0, Err(ConnectorError::BadAnswer { .. })));
    let ended = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    assert!(matches!(lines_of(ended, 0).await.0, Err(ConnectorError::Forbidden { .. })));
    let mut long = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    long.resize(long.len() + download::MAX_LINE_BYTES + 2, b'x');
    let limit = download::MAX_LINE_BYTES;
    assert_eq!(lines_of(&long, 0).await.0, Err(ConnectorError::TooLarge { limit }));
}
