//! Query parameters as WordPress reads them, and its ways to refuse a request.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value, json};

use crate::sandbox::OrderStorage;
use crate::sandbox::names::normalized;
use crate::sandbox::records::Second;

/// The query of a request.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The last of equal names wins, as in PHP.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A list: `name=a,b`, `name[]=a` or `name[0]=a`.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let is_it = |given: &str| given.split('[').next() == Some(name);
        self.pairs().filter(|(given, _)| is_it(given)).flat_map(|(_, value)| value.split(',')).map(str::trim).collect()
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields(self.list("_fields"))
    }
}

/// How the store reads a date: by the site's clock, and by where orders are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dates {
    pub(super) ahead: Second,
    pub(super) storage: OrderStorage,
}

/// `_fields`: what of a record is asked for; empty for all of it.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a>(Vec<&'a str>);

impl Fields<'_> {
    pub(super) fn wants(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|field| field.split('.').next() == Some(name))
    }

    /// Keeps the parts of a field that are asked for, as in `_fields=billing.email`.
    pub(super) fn trim(&self, name: &str, value: Value) -> Value {
        let whole = self.0.is_empty() || self.0.contains(&name);
        match value {
            Value::Object(mut parts) if !whole => {
                parts.retain(|part, _| self.0.iter().any(|field| field.split_once('.') == Some((name, part.as_str()))));
                Value::Object(parts)
            }
            value => value,
        }
    }

    pub(super) fn project(&self, value: Value) -> Value {
        let Value::Object(fields) = value else { return value };
        let kept = fields.into_iter().filter(|(name, _)| self.wants(name));
        Value::Object(kept.map(|(name, value)| (name.clone(), self.trim(&name, value))).collect())
    }
}

/// A refusal: status and WordPress's error document.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Rejected {
    fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, body: json!({ "code": code, "message": message, "data": { "status": status } }) }
    }

    pub(super) fn cannot_view(is_list: bool) -> Self {
        let message =
            if is_list { "Sorry, you cannot list resources." } else { "Sorry, you cannot view this resource." };
        Self::new(401, "woocommerce_rest_cannot_view", message)
    }

    pub(super) fn unauthenticated(message: &str) -> Self {
        Self::new(401, "woocommerce_rest_authentication_error", message)
    }

    pub(super) fn missing_oauth(names: &[&str]) -> Self {
        let message = format!("Missing OAuth parameters {}", names.join(", "));
        Self::new(401, "woocommerce_rest_authentication_missing_parameter", &message)
    }

    pub(super) fn read_only() -> Self {
        Self::unauthenticated("The API key provided does not have write permissions.")
    }

    pub(super) fn no_route() -> Self {
        Self::new(404, "rest_no_route", "No route was found matching the URL and request method.")
    }

    pub(super) fn no_such_user() -> Self {
        Self::new(404, "wc_user_invalid_id", "Invalid user ID.")
    }

    /// Recorded: `webhook_unknown_id_404`.
    pub(super) fn no_such_webhook() -> Self {
        Self::new(404, "woocommerce_rest_shop_webhook_invalid_id", "ID is invalid.")
    }

    /// Recorded: `webhook_create_bad_topic_400`.
    pub(super) fn bad_topic() -> Self {
        let message = "Webhook topic is required and must be valid.";
        Self::new(400, "woocommerce_rest_shop_webhook_invalid_topic", message)
    }

    /// Recorded: `webhook_create_bad_url_400`.
    pub(super) fn bad_delivery_url() -> Self {
        let message = "Webhook delivery URL must be a valid URL starting with http:// or https://.";
        Self::new(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", message)
    }

    /// Recorded: `customer_delete_without_force_501`.
    pub(super) fn no_trash() -> Self {
        Self::new(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
    }

    pub(super) fn no_such_order() -> Self {
        Self::new(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    }
}

/// Parameters that break a rule, gathered so that one answer names them all.
#[derive(Debug, Default)]
pub(super) struct Complaints(Vec<(&'static str, &'static str, String)>);

impl Complaints {
    fn add(&mut self, name: &'static str, code: &'static str, message: String) {
        self.0.push((name, code, message));
    }

    /// # Errors
    /// 400 `rest_invalid_param` as recorded, if anything was wrong.
    pub(super) fn settle(self) -> Result<(), Rejected> {
        if self.0.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self.0.iter().map(|(name, ..)| *name).collect();
        let params: Map<_, _> =
            self.0.iter().map(|(name, _, message)| ((*name).to_owned(), Value::from(message.as_str()))).collect();
        let details: Map<_, _> = self
            .0
            .iter()
            .map(|(name, code, message)| {
                let data = if *code == "rest_invalid_type" { json!({ "param": name }) } else { Value::Null };
                ((*name).to_owned(), json!({ "code": code, "message": message, "data": data }))
            })
            .collect();
        let message = format!("Invalid parameter(s): {}", names.join(", "));
        let data = json!({ "status": 400, "params": params, "details": details });
        let body = json!({ "code": "rest_invalid_param", "message": message, "data": data });
        Err(Rejected { status: 400, body })
    }

    /// A whole number within bounds, or the default.
    pub(super) fn integer(
        &mut self,
        params: &Params,
        name: &'static str,
        default: u64,
        min: u64,
        max: Option<u64>,
    ) -> u64 {
        let Some(text) = params.get(name) else { return default };
        let Ok(number) = text.parse::<i64>() else {
            self.add(name, "rest_invalid_type", format!("{name} is not of type integer."));
            return default;
        };
        let fits = u64::try_from(number).ok().filter(|number| *number >= min && max.is_none_or(|max| *number <= max));
        fits.unwrap_or_else(|| {
            let message = match max {
                Some(max) => format!("{name} must be between {min} (inclusive) and {max} (inclusive)"),
                None => format!("{name} must be greater than or equal to {min}"),
            };
            self.add(name, "rest_out_of_bounds", message);
            default
        })
    }

    /// One of a set of words, or the default.
    pub(super) fn word<'a>(
        &mut self,
        params: &'a Params,
        name: &'static str,
        default: &'a str,
        allowed: &'static [&'static str],
    ) -> &'a str {
        match params.get(name) {
            None => default,
            Some(word) if allowed.contains(&word) => word,
            Some(_) => {
                self.add(name, "rest_not_in_enum", format!("{name} is not one of {}.", listed(allowed)));
                default
            }
        }
    }

    /// Words of a set; the message names the first place, as recorded for `status`.
    pub(super) fn words<'a>(
        &mut self,
        params: &'a Params,
        name: &'static str,
        allowed: &'static [&'static str],
    ) -> Vec<&'a str> {
        let words = params.list(name);
        if let Some(index) = words.iter().position(|word| !allowed.contains(word)) {
            self.add(name, "rest_not_in_enum", format!("{name}[{index}] is not one of {}.", listed(allowed)));
        }
        words
    }

    /// An address; the filter ignores case (recorded).
    pub(super) fn address(&mut self, params: &Params, name: &'static str) -> Option<String> {
        let address = normalized(params.get(name)?);
        if address.is_none() {
            self.add(name, "rest_invalid_email", "Invalid email address.".to_owned());
        }
        address
    }

    /// A date, as the second of UTC that the store takes it for.
    pub(super) fn date(&mut self, params: &Params, name: &'static str, dates: Dates) -> Option<Second> {
        let text = params.get(name)?;
        let as_gmt = matches!(params.get("dates_are_gmt"), Some("true" | "1"));
        let second = second_of(text, as_gmt, dates);
        if second.is_none() {
            self.add(name, "rest_invalid_date", "Invalid date.".to_owned());
        }
        second
    }
}

/// - without zone: site time, or UTC with `dates_are_gmt` (sheet, section 2);
/// - with zone: that moment, but shifted by the site's offset once more with `dates_are_gmt` on post storage
///   (recorded: `orders_modified_after_Z_and_flag` loses rows).
fn second_of(text: &str, as_gmt: bool, dates: Dates) -> Option<Second> {
    if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S") {
        let second = local.and_utc().timestamp();
        return Some(if as_gmt { second } else { second - dates.ahead });
    }
    let second = DateTime::parse_from_rfc3339(text).ok()?.timestamp();
    let shifted = as_gmt && dates.storage == OrderStorage::Posts;
    Some(if shifted { second + dates.ahead } else { second })
}

/// `a, b, and c`, as WordPress lists words.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}
