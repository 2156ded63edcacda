//! Settings of an integration, as data: which there are, which are secret, what is wrong with one.

mod field;
mod schema;
mod sign_in;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

pub use field::{Need, SettingField, SettingKind, Shape};
pub use schema::settings_schema;

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

const MAX_TEXT_CHARS: usize = 2048;
const MAX_LIST_ITEMS: usize = 50;

impl Settings {
    /// Sorts a platform's settings into public and secret ones and checks each by its kind and shape. Values are taken
    /// as they are, spaces included.
    ///
    /// # Errors
    /// An unknown name, a missing required one, a value of the wrong kind or shape, or not exactly one way to sign in.
    pub fn parse(fields: &'static [SettingField], mut input: Map<String, Value>) -> Result<Self, InvalidSetting> {
        let mut settings = Self::default();
        for field in fields {
            match input.remove(field.name) {
                None | Some(Value::Null) if field.need == Need::Required => {
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
            None => {
                sign_in::check(fields, |name| {
                    settings.public.contains_key(name) || settings.secrets.contains_key(name)
                })?;
                Ok(settings)
            }
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
    let wrong = |problem: String| Err(InvalidSetting::new(field.name, problem));
    match (field.kind, &value) {
        (SettingKind::Text | SettingKind::Url, Value::String(text)) if fits(field, text) => Ok(value),
        (SettingKind::Text | SettingKind::Url, _) => wrong(format!("must be {}", field.shape.words)),
        (SettingKind::TextList, Value::Array(items)) if items.len() <= MAX_LIST_ITEMS => {
            if items.is_empty() && field.need == Need::Required {
                return wrong("must name at least one".to_owned());
            }
            if items.iter().all(|item| item.as_str().is_some_and(|text| fits(field, text))) {
                Ok(value)
            } else {
                wrong(format!("must be a list; each in it {}", field.shape.words))
            }
        }
        (SettingKind::TextList, _) => wrong(format!("must be a list of at most {MAX_LIST_ITEMS} texts")),
    }
}

fn fits(field: &SettingField, text: &str) -> bool {
    let shape = regex::Regex::new(field.shape.pattern).expect("patterns of settings are tested");
    text.chars().count() <= MAX_TEXT_CHARS
        && shape.is_match(text)
        && (field.kind != SettingKind::Url || url::Url::parse(text).is_ok())
}
