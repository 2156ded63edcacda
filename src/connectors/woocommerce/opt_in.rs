//! What a store's meta data says about marketing: WooCommerce itself has no such field, extensions do.
//!
//! Source: `vendors/woocommerce.md` section 4.

use serde_json::Value;

use crate::domain::people::bounded;
use crate::domain::statement::OptIn;

/// Keys that are looked for unless the integration names its own, most trusted first.
const DEFAULT_KEYS: [&str; 3] =
    ["assent_marketing_opt_in", "mailchimp_woocommerce_is_subscribed", "_wc_subscribed_to_newsletter"];

/// Texts that mean yes and no, whatever their case.
const YES: [&str; 3] = ["1", "yes", "on"];
const NO: [&str; 3] = ["", "0", "no"];

/// Longest detail of a statement, in bytes.
const MAX_DETAIL_BYTES: usize = 255;

/// The meta keys that record the opt-in, most trusted first.
#[derive(Debug, Clone)]
pub(super) struct OptInKeys(Vec<String>);

impl OptInKeys {
    /// The keys of the integration, else the usual ones.
    pub(super) fn new(configured: Option<Vec<String>>) -> Self {
        Self(configured.unwrap_or_else(|| DEFAULT_KEYS.map(str::to_owned).to_vec()))
    }

    /// What the most trusted key that is there says; `None` where none is there.
    ///
    /// A key that stands there more than once counts as its least permissive value.
    pub(super) fn flag(&self, meta: &[(&str, &Value)]) -> Option<Flag> {
        self.0.iter().find_map(|wanted| {
            let values = meta.iter().filter(|(key, _)| key == wanted).map(|(_, value)| *value);
            let value = values.max_by_key(|value| meaning(value))?;
            Some(Flag { key: wanted.clone(), value: meaning(value), detail: detail(wanted, value) })
        })
    }

    /// What a statement says it was read off: the key that says yes or no, else all that were looked for.
    pub(super) fn read_off(&self, flag: Option<&Flag>) -> Vec<String> {
        match flag {
            Some(flag) if flag.value != OptIn::Unknown => vec![flag.key.clone()],
            _ => self.0.clone(),
        }
    }
}

/// An opt-in flag as the store shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    /// Under which key it stands.
    key: String,
    /// What it means.
    pub(super) value: OptIn,
    /// Key and value in the store's words, at most 255 bytes.
    pub(super) detail: String,
}

/// Meta values are of any JSON type; what is neither a known yes nor a known no says nothing.
fn meaning(value: &Value) -> OptIn {
    let known = |yes: bool, no: bool| match (yes, no) {
        (true, _) => OptIn::Granted,
        (_, true) => OptIn::Withdrawn,
        _ => OptIn::Unknown,
    };
    match value {
        Value::Bool(flag) => known(*flag, !*flag),
        Value::Number(number) => known(number.as_f64() == Some(1.0), number.as_f64() == Some(0.0)),
        Value::String(text) => {
            let is_one_of = |words: &[&str]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
            known(is_one_of(&YES), is_one_of(&NO))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => OptIn::Unknown,
    }
}

/// A value is shown only where it is a known one: anything else could be personal.
fn detail(key: &str, value: &Value) -> String {
    let shown = match (meaning(value), value) {
        (OptIn::Unknown, _) => "a value that is neither yes nor no".to_owned(),
        (_, Value::String(text)) => format!("\"{}\"", text.trim()),
        (_, value) => value.to_string(),
    };
    bounded(format!("{key} = {shown}"), MAX_DETAIL_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn flag(keys: Option<&[&str]>, meta: &[(&str, Value)]) -> Option<Flag> {
        let meta: Vec<(&str, &Value)> = meta.iter().map(|(key, value)| (*key, value)).collect();
        OptInKeys::new(keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect())).flag(&meta)
    }

    #[test]
    fn known_values_of_any_type_are_understood_and_others_say_nothing() {
        for (value, expected) in [
            (json!(1), OptIn::Granted),
            (json!("1"), OptIn::Granted),
            (json!(true), OptIn::Granted),
            (json!("yes"), OptIn::Granted),
            (json!("ON"), OptIn::Granted),
            (json!(0), OptIn::Withdrawn),
            (json!(""), OptIn::Withdrawn),
            (json!("0"), OptIn::Withdrawn),
            (json!("no"), OptIn::Withdrawn),
            (json!(false), OptIn::Withdrawn),
            (json!(null), OptIn::Unknown),
            (json!(2), OptIn::Unknown),
            (json!(-1), OptIn::Unknown),
            (json!("pending"), OptIn::Unknown),
            (json!(["yes"]), OptIn::Unknown),
            (json!({"value": 1}), OptIn::Unknown),
        ] {
            assert_eq!(meaning(&value), expected, "{value}");
        }
    }

    #[test]
    fn the_most_trusted_key_decides() {
        let meta = [("_wc_subscribed_to_newsletter", json!("1")), ("mailchimp_woocommerce_is_subscribed", json!(0))];
        let found = flag(None, &meta).unwrap();
        assert_eq!(found.value, OptIn::Withdrawn);
        assert_eq!(found.detail, "mailchimp_woocommerce_is_subscribed = 0");
        assert_eq!(flag(Some(&["_wc_subscribed_to_newsletter"]), &meta).unwrap().value, OptIn::Granted);
    }

    #[test]
    fn a_statement_names_the_key_that_it_was_read_off_or_all_that_were_looked_for() {
        let keys = OptInKeys::new(None);
        let read_off = |meta: &[(&str, Value)]| keys.read_off(flag(None, meta).as_ref());
        assert_eq!(read_off(&[("mailchimp_woocommerce_is_subscribed", json!("1"))]), [DEFAULT_KEYS[1]]);
        assert_eq!(read_off(&[("assent_marketing_opt_in", json!("?"))]), DEFAULT_KEYS);
        assert_eq!(read_off(&[]), DEFAULT_KEYS);
    }

    #[test]
    fn a_missing_key_says_nothing_at_all() {
        assert_eq!(flag(None, &[("marketing_opt_in", json!("yes"))]), None);
        assert_eq!(flag(Some(&[]), &[("mailchimp_woocommerce_is_subscribed", json!(1))]), None);
    }

    #[test]
    fn a_key_that_stands_there_twice_counts_as_the_less_permissive() {
        let key = "assent_marketing_opt_in";
        assert_eq!(flag(None, &[(key, json!("0")), (key, json!("1"))]).unwrap().value, OptIn::Withdrawn);
        assert_eq!(flag(None, &[(key, json!("1")), (key, json!("?"))]).unwrap().value, OptIn::Unknown);
    }

    #[test]
    fn a_detail_shows_no_value_that_could_be_personal() {
        let key = "assent_marketing_opt_in";
        assert!(!flag(None, &[(key, json!("anna@example.com"))]).unwrap().detail.contains("anna"));
        let long = "k".repeat(400);
        assert!(flag(Some(&[&long]), &[(&long, json!(1))]).unwrap().detail.len() <= MAX_DETAIL_BYTES);
    }
}
