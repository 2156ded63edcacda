//! Settings of a Magento or Adobe Commerce integration.

use secrecy::SecretString;
use url::Url;

use crate::connectors::oauth1::{Pair, Signer};
use crate::connectors::settings::{InvalidSetting, SettingField, Settings};

/// The two kinds of credentials.
const OAUTH: &str = "OAuth credentials of an integration";
const BEARER: &str = "bearer token";

/// Source: the wire details of the product description; `vendors/magento.md` sections 1, 2 and 6.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField::url(
        "storeUrl",
        "Base address of the shop, with its folder if it has one, exactly as in Stores > Configuration > General > Web \
         > Base URLs (Secure): requests are signed with it.",
    )
    .required()
    .example("https://shop.example.com"),
    SettingField::secret(
        "consumerKey",
        "Consumer key: System > Extensions > Integrations > Add new, give it Customers, Sales and Stores, then Activate.",
    )
    .sign_in(OAUTH, &[]),
    SettingField::secret("consumerSecret", "Consumer secret, shown with the key.").sign_in(OAUTH, &[]),
    SettingField::secret("accessToken", "Access token, shown with the key.").sign_in(OAUTH, &[]),
    SettingField::secret("accessTokenSecret", "Access token secret, shown with the key.").sign_in(OAUTH, &[]),
    SettingField::secret(
        "bearerToken",
        "The integration's access token alone. Shops refuse it unless Stores > Configuration > Services > OAuth allows \
         access tokens as bearer tokens; the four OAuth values always work.",
    )
    .sign_in(BEARER, &[]),
    SettingField::list(
        "storeCodes",
        "Only people of these store views, by code (Stores > All Stores); without it those of all.",
    )
    .shape("^[A-Za-z][A-Za-z0-9_]{0,31}$", "the code of a store view")
    .example("default"),
    SettingField::text(
        "subscribersEndpoint",
        "Path, behind /rest, of a REST route of your own module that lists newsletter subscribers with searchCriteria, \
         with the columns of newsletter_subscriber; Magento itself can't list those without an account.",
    )
    .shape("^/[A-Za-z0-9][A-Za-z0-9/_.-]{0,254}$", "a path that begins with /")
    .example("/V1/acme/newsletter-subscribers"),
];

/// What the credentials are.
#[derive(Debug, Clone)]
pub(super) enum Access {
    /// OAuth 1.0a.
    Signed(Signer),
    /// A token in a header.
    Bearer(SecretString),
}

/// The settings, taken up.
#[derive(Debug, Clone)]
pub(super) struct MagentoSettings {
    /// `{storeUrl}/rest`.
    pub(super) rest: Url,
    /// How requests are authorised.
    pub(super) access: Access,
    /// Codes of the store views to read; empty for all.
    pub(super) store_codes: Vec<String>,
    /// Path of the merchant's list of subscribers below `rest`.
    pub(super) subscribers: Option<Vec<String>>,
}

impl MagentoSettings {
    /// Takes up the settings of an integration.
    ///
    /// # Errors
    /// The setting that is missing or can't be used.
    pub(super) fn read(settings: &Settings) -> Result<Self, InvalidSetting> {
        let invalid = || InvalidSetting::new("storeUrl", "must be an http or https address");
        let mut rest: Url = settings.text("storeUrl").and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
        rest.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().push("rest");
        let subscribers = settings.text("subscribersEndpoint").map(endpoint).transpose()?;
        let store_codes = settings.texts("storeCodes").unwrap_or_default();
        Ok(Self { access: access(settings)?, store_codes, subscribers, rest })
    }
}

/// The bearer token if it is there, else the four OAuth values.
fn access(settings: &Settings) -> Result<Access, InvalidSetting> {
    if let Some(token) = settings.secret("bearerToken") {
        return Ok(Access::Bearer(token.clone()));
    }
    let needed = |name: &'static str| -> Result<SecretString, InvalidSetting> {
        settings.secret(name).cloned().ok_or_else(|| InvalidSetting::new(name, "is required"))
    };
    let consumer = Pair { key: needed("consumerKey")?, secret: needed("consumerSecret")? };
    let token = Pair { key: needed("accessToken")?, secret: needed("accessTokenSecret")? };
    Ok(Access::Signed(Signer { consumer, token: Some(token) }))
}

/// The segments of a path below `/rest`. The credentials go there, so it can't lead out of the API.
fn endpoint(text: &str) -> Result<Vec<String>, InvalidSetting> {
    let path = text.trim_matches('/');
    let segments: Vec<String> = path.strip_prefix("rest/").unwrap_or(path).split('/').map(str::to_owned).collect();
    let is_versioned = segments.iter().take(2).any(|part| part == "V1");
    let is_segment = |part: &String| part.chars().any(|letter| letter != '.');
    if is_versioned && segments.iter().all(is_segment) {
        Ok(segments)
    } else {
        Err(InvalidSetting::new(
            "subscribersEndpoint",
            "must be a path of the REST API, for example /V1/acme/subscribers",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(more: &Value) -> Result<MagentoSettings, InvalidSetting> {
        let mut input = json!({"storeUrl": "https://shop.example/eu/"}).as_object().unwrap().clone();
        input.extend(more.as_object().unwrap().clone());
        Settings::parse(FIELDS, input).and_then(|settings| MagentoSettings::read(&settings))
    }

    #[test]
    fn either_the_four_values_or_a_token_authorise() {
        let four = json!({"consumerKey": "k", "consumerSecret": "s", "accessToken": "t", "accessTokenSecret": "ts"});
        assert!(matches!(read(&four).unwrap().access, Access::Signed(_)));
        let bearer = read(&json!({"bearerToken": "b"})).unwrap();
        assert!(matches!(bearer.access, Access::Bearer(_)));
        assert_eq!(bearer.rest.as_str(), "https://shop.example/eu/rest");
        for name in ["consumerKey", "consumerSecret", "accessToken", "accessTokenSecret"] {
            let mut three = four.clone();
            three.as_object_mut().unwrap().remove(name);
            assert_eq!(read(&three).unwrap_err().field, name);
        }
    }

    #[test]
    fn the_subscribers_endpoint_lies_in_the_api_and_nowhere_else() {
        let path = |text: &str| read(&json!({"bearerToken": "b", "subscribersEndpoint": text})).map(|s| s.subscribers);
        for text in ["/V1/news/subscribers", "/V1/news/subscribers/", "/rest/V1/news/subscribers"] {
            assert_eq!(path(text).unwrap().unwrap().join("/"), "V1/news/subscribers", "{text}");
        }
        assert_eq!(path("/de/V1/subscribers").unwrap().unwrap().join("/"), "de/V1/subscribers");
        for text in ["/V1/../admin", "/V1//x", "/V1/x?y=1", "/subscribers", "https://elsewhere.example/V1/x", "/a/b/V1"]
        {
            assert_eq!(path(text).unwrap_err().field, "subscribersEndpoint", "{text}");
        }
    }
}
