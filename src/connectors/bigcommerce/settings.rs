//! Settings of a BigCommerce integration.

use secrecy::SecretString;
use url::Url;

use crate::connectors::settings::{InvalidSetting, SettingField, Settings};

/// Where the API of every store lives (`vendors/bigcommerce.md` section 2).
const API: &str = "https://api.bigcommerce.com";

/// Source: the wire details of the product description; `vendors/bigcommerce.md` section 2.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField::text(
        "storeHash",
        "The part between stores/ and /v3 in the API path that BigCommerce shows with a new API account: Settings > \
         Store-level API accounts.",
    )
    .required()
    .shape("^[A-Za-z0-9_-]{1,64}$", "the store's hash from its API path, 1 to 64 letters and digits")
    .example("abc123de45"),
    SettingField::secret(
        "accessToken",
        "Access token of that API account. It needs the scopes Customers, Orders and Information & settings, each \
         read-only.",
    )
    .required()
    .example("00000000000000000000000000000000"),
    SettingField::secret("clientSecret", "Client secret of that API account; it signs the store's webhooks.")
        .required()
        .example("0000000000000000000000000000000000000000000000000000000000000000"),
    SettingField::url("apiBaseUrl", "Address to call instead of https://api.bigcommerce.com, for example a proxy."),
    SettingField::list(
        "channelIds",
        "Only people of these storefronts, by channel id (Channel Manager); without it those of all.",
    )
    .shape("^[0-9]{1,18}$", "a number")
    .example("1"),
];

/// Checked settings.
#[derive(Debug)]
pub(super) struct BigCommerceSettings {
    /// `{address}/stores/{storeHash}`.
    pub(super) store: Url,
    /// The hash alone, as webhooks name it.
    pub(super) store_hash: String,
    pub(super) access_token: SecretString,
    pub(super) client_secret: SecretString,
    pub(super) channels: Channels,
}

/// The channels whose people are wanted; none named means all.
#[derive(Debug, Clone, Default)]
pub(super) struct Channels(Vec<u64>);

impl Channels {
    /// Whether there is anything to choose by.
    pub(super) const fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a channel is one of them.
    pub(super) fn has(&self, channel: u64) -> bool {
        self.is_all() || self.0.contains(&channel)
    }
}

impl BigCommerceSettings {
    /// Reads the settings of an integration.
    ///
    /// # Errors
    /// The setting that is missing or can't be used.
    pub(super) fn read(settings: &Settings) -> Result<Self, InvalidSetting> {
        let store_hash = settings.text("storeHash").ok_or_else(|| InvalidSetting::new("storeHash", "is required"))?;
        let base = settings.text("apiBaseUrl").unwrap_or(API).trim_end_matches('/');
        let store = Url::parse(&format!("{base}/stores/{store_hash}"))
            .map_err(|_| InvalidSetting::new("apiBaseUrl", "must be an http or https address"))?;
        let secret = |name| settings.secret(name).cloned().ok_or_else(|| InvalidSetting::new(name, "is required"));
        let channels: Result<Vec<u64>, _> =
            settings.texts("channelIds").unwrap_or_default().iter().map(|id| id.parse()).collect();
        let channels =
            channels.map_err(|_| InvalidSetting::new("channelIds", "must hold only whole numbers as text"))?;
        Ok(Self {
            store,
            store_hash: store_hash.to_owned(),
            access_token: secret("accessToken")?,
            client_secret: secret("clientSecret")?,
            channels: Channels(channels),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(more: &Value) -> Result<BigCommerceSettings, InvalidSetting> {
        let mut input = json!({"storeHash": "abc123", "accessToken": "t", "clientSecret": "s"});
        let fields = input.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        BigCommerceSettings::read(&Settings::parse(FIELDS, fields.clone())?)
    }

    #[test]
    fn the_store_is_asked_at_the_vendors_address_or_at_another() {
        assert_eq!(read(&json!({})).unwrap().store.as_str(), "https://api.bigcommerce.com/stores/abc123");
        let elsewhere = read(&json!({"apiBaseUrl": "http://127.0.0.1:9/"})).unwrap();
        assert_eq!(elsewhere.store.as_str(), "http://127.0.0.1:9/stores/abc123");
    }

    #[test]
    fn what_can_not_be_used_is_named() {
        for (more, field) in [
            (json!({"storeHash": "abc/../x"}), "storeHash"),
            (json!({"storeHash": "https://api.bigcommerce.com/stores/abc/v3"}), "storeHash"),
            (json!({"channelIds": ["1", "main"]}), "channelIds"),
            (json!({"clientSecret": null}), "clientSecret"),
            (json!({"accessToken": null}), "accessToken"),
        ] {
            assert_eq!(read(&more).map_or_else(|problem| problem.field, |_| "none".to_owned()), field, "{more}");
        }
    }

    #[test]
    fn no_channel_named_means_all() {
        let all = read(&json!({})).unwrap().channels;
        let some = read(&json!({"channelIds": ["2", "3"]})).unwrap().channels;
        assert!(all.has(1) && all.has(2));
        assert!(!some.has(1) && some.has(2) && some.has(3));
    }
}
