//! What a shop's refusals mean (`vendors/magento.md` section 9).
//!
//! A message holds placeholders; their values stand beside it, in an object or in a list. Nothing of it goes into our
//! errors but the name of a right, and that only if it has the form of one.

use serde_json::Value;

use crate::connectors::http::Answer;

/// Longest name of a right.
const MAX_RIGHT_BYTES: usize = 128;

/// The body of an answer that is not a success.
#[derive(Debug)]
pub(super) struct Refusal(Value);

impl Refusal {
    /// Reads the body; one that is not JSON says nothing.
    pub(super) fn of(answer: &Answer) -> Self {
        Self(answer.json("a JSON object").unwrap_or_default())
    }

    /// The right that is missing. The same answer comes to credentials that the shop does not know (recorded in
    /// `auth_wrong_401`); who asks has to find out which it is.
    pub(super) fn missing_right(&self) -> Option<String> {
        let says_so = self.message().contains("authorized to access");
        let is_right = |text: &&str| {
            let letters = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':' | ',' | ' ');
            text.len() <= MAX_RIGHT_BYTES && text.contains("::") && text.chars().all(letters)
        };
        says_so.then(|| self.parameters().find_map(|value| value.as_str().filter(is_right).map(str::to_owned)))?
    }

    /// The largest page that the shop allows, if it refuses a larger one.
    pub(super) fn page_limit(&self) -> Option<u64> {
        let says_so = self.message().contains("pageSize");
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        says_so.then(|| self.parameters().find_map(number))?.filter(|limit| *limit > 0)
    }

    /// Whether it is about the record that was asked for, and not about an address that the shop does not have.
    pub(super) fn is_about_a_record(&self) -> bool {
        let message = self.message();
        message.starts_with("No such entity") || message.starts_with("The entity that was requested doesn't exist")
    }

    fn message(&self) -> &str {
        self.0.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    fn parameters(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self.0.get("parameters") {
            Some(Value::Object(named)) => Box::new(named.values()),
            Some(Value::Array(listed)) => Box::new(listed.iter()),
            _ => Box::new(std::iter::empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_right_is_named_only_if_it_has_the_form_of_one() {
        let named = |parameters: Value| {
            Refusal(json!({"message": "The consumer isn't authorized to access %resources.", "parameters": parameters}))
                .missing_right()
        };
        assert_eq!(named(json!({"resources": "Magento_Sales::sales"})).as_deref(), Some("Magento_Sales::sales"));
        assert_eq!(named(json!(["Magento_Sales::sales"])).as_deref(), Some("Magento_Sales::sales"));
        for other in [json!({"resources": "<b>Anna</b>::x"}), json!({"resources": "self"}), json!(null), json!([7])] {
            assert_eq!(named(other), None);
        }
        let other = json!({"message": "The signature is invalid. Verify and try again.", "parameters": ["A::b"]});
        assert_eq!(Refusal(other).missing_right(), None);
    }

    #[test]
    fn the_largest_page_is_read_from_both_kinds_of_parameters() {
        let limit = |parameters: Value| {
            Refusal(json!({"message": "Maximum SearchCriteria pageSize is %max", "parameters": parameters}))
                .page_limit()
        };
        assert_eq!(limit(json!({"max": 120})), Some(120));
        assert_eq!(limit(json!(["120"])), Some(120));
        assert_eq!(limit(json!({"max": 0})), None);
        assert_eq!(limit(json!({})), None);
    }
}
