//! Settings of a Shopify integration.

use secrecy::SecretString;

use crate::connectors::settings::{InvalidSetting, SettingField, Settings, Shape};

/// The version that the queries were written for and are tested against. Stable at the time of writing and
/// supported for at least a year (`vendors/shopify.md` section 1).
pub(crate) const DEFAULT_API_VERSION: &str = "2026-07";
/// Where a bare shop name lives.
const SHOP_SUFFIX: &str = ".myshopify.com";

/// The two kinds of credentials.
const FIXED_TOKEN: &str = "fixed access token";
const CLIENT_CREDENTIALS: &str = "client credentials";

/// Source: the wire details of the product description; `vendors/shopify.md` sections 2 and 9.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField::text("shopDomain", "The shop, by its myshopify.com name; the name alone will do.")
        .required()
        .shape(
            r"^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])(\.([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9])){0,4}$",
            "a host name such as acme.myshopify.com, without https://",
        )
        .example("acme.myshopify.com"),
    SettingField::secret(
        "accessToken",
        "Fixed token of an app that was made in the shop's admin before 2026, begins with shpat_. For a newer app give \
         clientId and clientSecret.",
    )
    .sign_in(FIXED_TOKEN, &[])
    .example("shpat_00000000000000000000000000000000"),
    SettingField::text("clientId", "Client id of an app of your own organisation: Dev Dashboard > the app > Settings.")
        .shape(Shape::VISIBLE.pattern, Shape::VISIBLE.words)
        .sign_in(CLIENT_CREDENTIALS, &[])
        .example("00000000000000000000000000000000"),
    SettingField::secret(
        "clientSecret",
        "Client secret of the app; it also signs the webhooks, so give it beside accessToken too if the shop sends any.",
    )
    .sign_in(CLIENT_CREDENTIALS, &[FIXED_TOKEN])
    .example("shpss_00000000000000000000000000000000"),
    SettingField::text("apiVersion", "Version of the Admin API; without it the one this release was tested with.")
        .shape("^[0-9]{4}-(0[1-9]|1[0-2])$", "a year and month such as 2026-07")
        .example(DEFAULT_API_VERSION),
    SettingField::url("apiBaseUrl", "Address to call instead of https://{shopDomain}, for example that of a test shop."),
    SettingField::text(
        "exportFrom",
        "Number of customers or orders from which on a full sync exports them in bulk; 5000 unless set.",
    )
    .shape("^[0-9]{1,9}$", "a whole number such as 5000")
    .example("5000"),
];

/// From how many records on a full pass exports them: "beyond a few thousand" (`vendors/shopify.md` section 8).
const DEFAULT_EXPORT_FROM: u64 = 5_000;

/// Checked settings.
#[derive(Debug)]
pub(super) struct ShopifySettings {
    /// Address before `/admin`, without a slash at its end.
    pub(super) base: String,
    /// `YYYY-MM`.
    pub(super) api_version: String,
    /// From how many records on a full pass exports them.
    pub(super) export_from: u64,
    /// The shop's host name, in lower case.
    pub(super) domain: String,
    /// What the app signs its webhooks with, if we were told.
    pub(super) webhook_key: Option<SecretString>,
    /// How to get a token.
    pub(super) credentials: Credentials,
}

/// The two kinds of tokens that a self-hosted service can have (`vendors/shopify.md` section 2).
#[derive(Debug)]
pub(super) enum Credentials {
    /// A token that stays: an app made in the shop's admin before 2026.
    Fixed(SecretString),
    /// An app of the merchant's own organisation: a day's token for the asking.
    Grant {
        /// Client id.
        client_id: String,
        /// Client secret.
        client_secret: SecretString,
    },
}

impl ShopifySettings {
    /// Reads the settings of an integration.
    ///
    /// # Errors
    /// The setting that can't be used: not exactly one kind of credentials.
    pub(super) fn read(settings: &Settings) -> Result<Self, InvalidSetting> {
        let domain = shop_domain(settings.text("shopDomain").unwrap_or_default());
        let base = settings.text("apiBaseUrl").map_or_else(|| format!("https://{domain}"), str::to_owned);
        let api_version = settings.text("apiVersion").unwrap_or(DEFAULT_API_VERSION).to_owned();
        let export_from = match settings.text("exportFrom").map(str::parse) {
            None => DEFAULT_EXPORT_FROM,
            Some(Ok(number)) => number,
            Some(Err(_)) => return Err(InvalidSetting::new("exportFrom", "must be a whole number such as 5000")),
        };
        let credentials = credentials(settings)?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            api_version,
            export_from,
            domain,
            webhook_key: settings.secret("clientSecret").cloned(),
            credentials,
        })
    }
}

fn credentials(settings: &Settings) -> Result<Credentials, InvalidSetting> {
    let client_id = settings.text("clientId").map(str::to_owned);
    match (settings.secret("accessToken").cloned(), client_id, settings.secret("clientSecret").cloned()) {
        // A client secret beside a fixed token only signs the webhooks.
        (Some(token), None, _) => Ok(Credentials::Fixed(token)),
        (None, Some(client_id), Some(client_secret)) => Ok(Credentials::Grant { client_id, client_secret }),
        (Some(_), _, _) => Err(InvalidSetting::new("accessToken", "must be left out when clientId is given")),
        (None, Some(_), None) => Err(InvalidSetting::new("clientSecret", "is required with clientId")),
        (None, None, Some(_)) => Err(InvalidSetting::new("clientId", "is required with clientSecret")),
        (None, None, None) => {
            Err(InvalidSetting::new("accessToken", "is required, or clientId and clientSecret instead"))
        }
    }
}

/// The shop's host name in lower case; a bare shop name is completed.
fn shop_domain(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if lower.contains('.') { lower } else { lower + SHOP_SUFFIX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(input: Value) -> Result<ShopifySettings, InvalidSetting> {
        let Value::Object(input) = input else { unreachable!("settings are an object") };
        ShopifySettings::read(&Settings::parse(FIELDS, input)?)
    }

    fn faulty_field(input: Value) -> String {
        read(input).map_or_else(|problem| problem.field, |_| "none".to_owned())
    }

    #[test]
    fn a_bare_shop_name_is_completed() {
        let settings = read(json!({"shopDomain": "Acme", "accessToken": "t"})).unwrap();
        assert_eq!(settings.base, "https://acme.myshopify.com");
        assert_eq!(settings.api_version, DEFAULT_API_VERSION);
    }

    #[test]
    fn another_address_may_be_called_instead() {
        let input =
            json!({"shopDomain": "acme.myshopify.com", "accessToken": "t", "apiBaseUrl": "http://127.0.0.1:9/shop/"});
        assert_eq!(read(input).unwrap().base, "http://127.0.0.1:9/shop");
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for domain in
            ["https://acme.myshopify.com", "acme.myshopify.com/admin", "a b", "-acme.myshopify.com", "acme..com"]
        {
            assert_eq!(faulty_field(json!({"shopDomain": domain, "accessToken": "t"})), "shopDomain", "{domain}");
        }
    }

    #[test]
    fn exactly_one_kind_of_credentials_is_needed() {
        let cases = [
            (json!({"shopDomain": "acme", "accessToken": "t"}), "none"),
            (json!({"shopDomain": "acme", "clientId": "i", "clientSecret": "s"}), "none"),
            (json!({"shopDomain": "acme"}), "accessToken"),
            (json!({"shopDomain": "acme", "clientId": "i"}), "clientSecret"),
            (json!({"shopDomain": "acme", "clientSecret": "s"}), "clientId"),
            (json!({"shopDomain": "acme", "accessToken": "t", "clientId": "i", "clientSecret": "s"}), "accessToken"),
        ];
        for (input, field) in cases {
            assert_eq!(faulty_field(input), field);
        }
    }

    #[test]
    fn an_api_version_is_a_year_and_a_month() {
        for version in ["2026", "2026-7", "2026-13", "unstable", "2026-07-01", "2026-07/../x"] {
            let input = json!({"shopDomain": "acme", "accessToken": "t", "apiVersion": version});
            assert_eq!(faulty_field(input), "apiVersion", "{version}");
        }
    }
}
