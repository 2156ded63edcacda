//! The recorded exchanges of the real WooCommerce, and a store made of the records in them.
//!
//! [`recorded_store`] answers the requests of any client over plain http, with the real store's own records, rules and
//! refusals. Recorded lists are cut to five records, so it holds fewer people than the store did; everything in it
//! is as the real store sent it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::answering::{AnsweringStore, Asked, Reply};

/// Key and secret of the recorded store.
pub(crate) const CONSUMER_KEY: &str = "ck_1111111111111111111111111111111111111111";
pub(crate) const CONSUMER_SECRET: &str = "cs_2222222222222222222222222222222222222222";

/// What a customer and an order must hold to be served whole.
const CUSTOMER_FIELDS: &[&str] = &["id", "email", "first_name", "last_name", "role", "meta_data"];
const ORDER_FIELDS: &[&str] =
    &["id", "status", "customer_id", "date_created_gmt", "date_modified_gmt", "billing", "meta_data"];

/// One recorded exchange.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// File within the folder, without `.json`.
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Exchange {
    /// The answer as it was.
    pub(crate) fn reply(&self) -> Reply {
        let body = self.body.as_str().map_or_else(|| self.body.to_string(), str::to_owned);
        self.headers.iter().fold(Reply::text(self.status, &body), |reply, (name, value)| reply.header(name, value))
    }

    pub(crate) fn asks(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `customers` or `orders`, also for a single one.
    pub(crate) fn list(&self) -> Option<&str> {
        self.path.strip_prefix("/wp-json/wc/v3/")?.split('/').next()
    }
}

/// Our own copy of the recordings, part of the project.
pub(crate) fn own_recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/woocommerce/recorded")
}

/// Every exchange in which a client reads, of a folder and those in it.
pub(crate) fn exchanges(folder: &Path) -> Vec<Exchange> {
    exchanges_of(folder, &["", "wc-7.9", "wc-11-post-storage"])
}

/// Every exchange in which a client reads, of these folders below one.
pub(crate) fn exchanges_of(folder: &Path, parts: &[&str]) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = parts
        .iter()
        .flat_map(|part| std::fs::read_dir(folder.join(part)).expect("the recordings can be listed"))
        .map(|entry| entry.expect("the recordings can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| read(folder, &path))
        .collect();
    found.sort_by(|one, next| one.name.cmp(&next.name));
    found
}

/// One exchange by its name.
pub(crate) fn exchange(name: &str) -> Exchange {
    let folder = own_recordings();
    read(&folder, &folder.join(format!("{name}.json"))).expect("the exchange was recorded")
}

fn read(folder: &Path, path: &Path) -> Option<Exchange> {
    let text = std::fs::read_to_string(path).expect("a recording can be read");
    let recorded: Value = serde_json::from_str(&text).expect("a recording is JSON");
    let (request, response) = (&recorded["request"], &recorded["response"]);
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let name = path.strip_prefix(folder).expect("it is in the folder").with_extension("");
    (request["method"] == "GET" && response["status"].is_u64()).then(|| Exchange {
        name: name.to_string_lossy().into_owned(),
        path: shown(&request["path"]),
        query: request["query"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|pair| (shown(&pair[0]), shown(&pair[1])))
            .collect(),
        status: response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("it is a status"),
        headers: response["headers"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), shown(v))).collect(),
        body: response["body"].clone(),
    })
}

/// The people of the recorded store by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    /// Users of role customer.
    pub(crate) customers: BTreeMap<u64, Value>,
    /// Orders, one in the trash among them.
    pub(crate) orders: BTreeMap<u64, Value>,
}

/// Everything that the recordings of WooCommerce 11 with high-performance order storage show whole.
pub(crate) fn recorded_records() -> Records {
    let mut records = Records::default();
    for exchange in exchanges(&own_recordings()).into_iter().filter(|one| !one.name.starts_with("wc-")) {
        let single = [exchange.body.clone()];
        let rows = exchange.body.as_array().map_or(&single[..], Vec::as_slice);
        let is_whole = |row: &&Value, fields: &[&str]| fields.iter().all(|field| row.get(*field).is_some());
        match exchange.list() {
            // What `role=all` shows as a customer need not be one.
            Some("customers") if exchange.asks("role").is_none() => {
                let whole = rows.iter().filter(|row| is_whole(row, CUSTOMER_FIELDS) && row["role"] != "administrator");
                whole.for_each(|row| insert(&mut records.customers, row));
            }
            Some("orders") => {
                let whole = rows.iter().filter(|row| is_whole(row, ORDER_FIELDS));
                whole.for_each(|row| insert(&mut records.orders, row));
            }
            _ => {}
        }
    }
    records
}

/// Of two recordings of a record the later one; it has more meta data.
fn insert(records: &mut BTreeMap<u64, Value>, row: &Value) {
    let extent = |row: &Value| row["meta_data"].as_array().map_or(0, Vec::len);
    let id = row["id"].as_u64().expect("real records have an id");
    if records.get(&id).is_none_or(|known| extent(known) < extent(row)) {
        records.insert(id, row.clone());
    }
}

/// Starts the recorded store. Its settings: its `url`, [`CONSUMER_KEY`], [`CONSUMER_SECRET`].
pub(crate) async fn recorded_store() -> AnsweringStore {
    let records = recorded_records();
    let nonces = Mutex::new(HashSet::new());
    AnsweringStore::start(move |asked| answer(&records, &nonces, asked)).await
}

fn answer(records: &Records, nonces: &Mutex<HashSet<String>>, asked: &Asked) -> Reply {
    if asked.path == "/wp-json/" {
        return Reply::json(&cut(&exchange("root_index_namespaces").body, asked));
    }
    if let Err(refusal) = admitted(nonces, asked) {
        return exchange(refusal).reply();
    }
    let parts: Vec<&str> = asked.path.trim_start_matches("/wp-json/wc/v3/").split('/').collect();
    let (list, of_orders) = match parts.first() {
        Some(&"customers") => (&records.customers, false),
        Some(&"orders") => (&records.orders, true),
        _ => return exchange("route_unknown_404").reply(),
    };
    match parts.get(1).map(|id| id.parse::<u64>()) {
        None => page(list, of_orders, asked),
        Some(Ok(id)) => list.get(&id).map_or_else(
            || exchange(if of_orders { "order_unknown_id_404" } else { "customer_unknown_id_404" }).reply(),
            |row| Reply::json(&cut(row, asked)),
        ),
        Some(Err(_)) => exchange("customer_id_text_404").reply(),
    }
}

fn page(list: &BTreeMap<u64, Value>, of_orders: bool, asked: &Asked) -> Reply {
    let size = asked.number_of("per_page").unwrap_or(10);
    if !(1..=100).contains(&size) {
        return exchange("customers_per_page_1000_400").reply();
    }
    let after = asked.get("modified_after");
    let modified = |row: &Value| row["date_modified_gmt"].as_str().unwrap_or_default().to_owned();
    assert!(after.is_none_or(|after| asked.get("dates_are_gmt") == Some("true") && !after.ends_with('Z')), "{asked:?}");
    let included = |row: &Value| asked.get("include").is_none_or(|id| id.parse().ok() == row["id"].as_u64());
    let is_listed = |row: &&Value| {
        row["status"] != "trash" && after.is_none_or(|after| modified(row).as_str() > after) && included(row)
    };
    let mut rows: Vec<&Value> = list.values().filter(is_listed).collect();
    if asked.get("orderby") == Some("modified") {
        rows.sort_by_key(|row| modified(row));
    }
    if asked.get("order").unwrap_or(if of_orders { "desc" } else { "asc" }) == "desc" {
        rows.reverse();
    }
    let offset = asked.number_of("offset").unwrap_or_else(|| (asked.number_of("page").unwrap_or(1) - 1) * size);
    let shown: Vec<Value> = rows.iter().skip(offset).take(size).map(|row| cut(row, asked)).collect();
    // Recorded in orders_list_page3_beyond_end: past its end a list of orders says that it has none.
    let total = if of_orders && shown.is_empty() { 0 } else { rows.len() };
    Reply::json(&Value::Array(shown)).header("X-WP-Total", &total).header("X-WP-TotalPages", &total.div_ceil(size))
}

/// `_fields`.
fn cut(row: &Value, asked: &Asked) -> Value {
    let Some(fields) = asked.get("_fields") else { return row.clone() };
    let kept: Map<String, Value> =
        fields.split(',').filter_map(|name| Some((name.to_owned(), row.get(name)?.clone()))).collect();
    json!(kept)
}

/// Whether a request over plain http is signed as WooCommerce wants it; else the recorded refusal.
fn admitted(nonces: &Mutex<HashSet<String>>, asked: &Asked) -> Result<(), &'static str> {
    if asked.get("oauth_consumer_key") != Some(CONSUMER_KEY) {
        return Err("auth_no_credentials_401");
    }
    let nonce = asked.get("oauth_nonce").unwrap_or_default().to_owned();
    let is_new = nonces.lock().expect("no test panics with the nonces in hand").insert(nonce);
    if is_new && asked.get("oauth_signature") == Some(&signature(asked)) {
        Ok(())
    } else {
        Err("auth_oauth1_bad_signature_401")
    }
}

/// The signature in WooCommerce's own way: each name and value is encoded twice at once, and joined by what is encoded
/// already. Written after the vendor's `WC_REST_Authentication`, not after our connector.
fn signature(asked: &Asked) -> String {
    const RAW: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let encode = |text: &str| utf8_percent_encode(text, RAW).to_string();
    let normalize = |text: &str| encode(&percent_decode_str(text).decode_utf8_lossy()).replace('%', "%25");
    let parameters: BTreeMap<String, String> = asked
        .query
        .iter()
        .filter(|(name, _)| name != "oauth_signature")
        .map(|(name, value)| (normalize(name), normalize(value)))
        .collect();
    let joined: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}%3D{value}")).collect();
    let address = encode(&format!("{}{}", asked.origin, asked.path));
    let signed = format!("{}&{address}&{}", asked.method, joined.join("%26"));
    let key = format!("{CONSUMER_SECRET}&");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
