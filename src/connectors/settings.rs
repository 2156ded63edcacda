//! Settings of an integration, as data: which there are, which are secret, what is wrong with one.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// One setting of a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingField {
    /// Name on the wire.
    pub name: &'static str,
    /// What kind of value.
    pub kind: SettingKind,
    /// Whether it is write-only and sealed at rest.
    pub secret: bool,
    /// Whether it must be there. Alternatives (one of two) are checked by the connector.
    pub required: bool,
    /// What it is, for people.
    pub description: &'static str,
}

/// Kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Text of 1 to 2048 bytes.
    Text,
    /// An http or https address.
    Url,
    /// Up to 50 texts.
    TextList,
}

/// A setting that can't be used. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("settings.{field} {problem}")]
pub struct InvalidSetting {
    /// Name of the setting.
    pub field: String,
    /// What is wrong and what is expected.
    pub problem: String,
}

impl InvalidSetting {
    /// A problem with one setting.
    #[must_use]
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Checked settings of one integration: the public part and the secret part.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Everything that may be shown again.
    pub public: Map<String, Value>,
    /// Write-only values by name.
    pub secrets: BTreeMap<&'static str, SecretString>,
}

const MAX_TEXT_BYTES: usize = 2048;
const MAX_LIST_ITEMS: usize = 50;

impl Settings {
    /// Sorts a platform's settings into public and secret ones and checks each by its kind.
    ///
    /// # Errors
    /// An unknown name, a missing required one, or a value of the wrong kind.
    pub fn parse(fields: &'static [SettingField], mut input: Map<String, Value>) -> Result<Self, InvalidSetting> {
        let mut settings = Self::default();
        for field in fields {
            match input.remove(field.name) {
                None | Some(Value::Null) if field.required => {
                    return Err(InvalidSetting::new(field.name, "is required"));
                }
                None | Some(Value::Null) => {}
                Some(value) => {
                    let value = checked(field, value)?;
                    match (field.secret, value) {
                        (true, Value::String(text)) => {
                            settings.secrets.insert(field.name, SecretString::from(text));
                        }
                        (_, value) => {
                            settings.public.insert(field.name.to_owned(), value);
                        }
                    }
                }
            }
        }
        match input.keys().next() {
            None => Ok(settings),
            Some(unknown) => {
                let known: Vec<_> = fields.iter().map(|field| field.name).collect();
                let name = crate::domain::people::bounded(unknown.clone(), 64);
                Err(InvalidSetting::new(
                    name,
                    format!("is not a setting of this platform; known: {}", known.join(", ")),
                ))
            }
        }
    }

    /// A public text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.public.get(name)?.as_str()
    }

    /// A public list of texts.
    #[must_use]
    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        let items = self.public.get(name)?.as_array()?;
        Some(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
    }

    /// A secret.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        self.secrets.get(name)
    }

    /// The secrets as a JSON object, to be sealed.
    #[must_use]
    pub fn secrets_json(&self) -> SecretString {
        let plain: BTreeMap<_, _> = self.secrets.iter().map(|(name, secret)| (*name, secret.expose_secret())).collect();
        SecretString::from(serde_json::to_string(&plain).expect("texts have a JSON form"))
    }
}

fn checked(field: &SettingField, value: Value) -> Result<Value, InvalidSetting> {
    let wrong = |problem: &str| Err(InvalidSetting::new(field.name, problem));
    match (field.kind, &value) {
        (SettingKind::Text | SettingKind::Url, Value::String(text)) => {
            let trimmed = text.trim();
            if !is_line(trimmed) {
                return wrong("must be text of 1 to 2048 bytes on one line");
            }
            if field.kind == SettingKind::Url && !is_web_address(trimmed) {
                return wrong("must be an http or https address without user, query or fragment");
            }
            Ok(Value::String(trimmed.to_owned()))
        }
        (SettingKind::TextList, Value::Array(items)) if items.len() <= MAX_LIST_ITEMS => {
            let fits = |item: &Value| item.as_str().is_some_and(is_line);
            if items.iter().all(fits) {
                Ok(value)
            } else {
                wrong("must hold only texts of 1 to 2048 bytes on one line")
            }
        }
        (SettingKind::Text | SettingKind::Url, _) => wrong("must be text"),
        (SettingKind::TextList, _) => wrong("must be a list of at most 50 texts"),
    }
}

fn is_line(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control)
}

fn is_web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
