//! Settings of a Salesforce Commerce Cloud integration.

use secrecy::SecretString;
use url::Url;

use crate::connectors::settings::{InvalidSetting, SettingField, Settings, Shape};

/// Where Account Manager grants tokens (`vendors/sfcc.md` section 3).
const TOKEN_URL: &str = "https://account.demandware.com/dwsso/oauth2/access_token";
/// Before realm and instance in an organisation's id (`vendors/sfcc.md` section 2).
const ORGANIZATION_PREFIX: &str = "f_ecom_";
/// Before the name of a custom attribute in a document (`vendors/sfcc.md` section 6).
const ATTRIBUTE_PREFIX: &str = "c_";

/// What ids of sites, lists and attributes consist of.
const ID: Shape =
    Shape { pattern: r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,255}$", words: "an id of letters, digits, _, - and ." };

/// Source: the wire details of the product description; `vendors/sfcc.md` sections 2, 3 and 6.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField::text(
        "shortCode",
        "Short code of the realm: Business Manager > Administration > Site Development > Salesforce Commerce API Settings.",
    )
    .required()
    .shape("^[A-Za-z0-9-]{1,63}$", "the realm's short code, 1 to 63 letters and digits")
    .example("kv7kzm78"),
    SettingField::text("organizationId", "Organization id of the instance, shown with the short code.")
        .required()
        .shape("^f_ecom_[A-Za-z0-9]{4}_[A-Za-z0-9]{3}$", "an organization id such as f_ecom_zzxy_prd")
        .example("f_ecom_zzxy_prd"),
    SettingField::list(
        "siteIds",
        "Sites whose orders are read: Business Manager > Administration > Sites > Manage Sites, column ID.",
    )
    .required()
    .shape(ID.pattern, ID.words)
    .example("RefArch"),
    SettingField::text(
        "customerListId",
        "Customer list of those sites: the site's settings name it; often, not always, it has the site's id.",
    )
    .required()
    .shape(ID.pattern, ID.words)
    .example("RefArch"),
    SettingField::text(
        "clientId",
        "API client of Account Manager: organization chosen, role Salesforce Commerce API with the instance in its \
         filter, token method client_secret_post, access token format JWT, scopes sfcc.customerlists and sfcc.orders.",
    )
    .required()
    .shape(Shape::VISIBLE.pattern, Shape::VISIBLE.words)
    .example("00000000-0000-0000-0000-000000000000"),
    SettingField::secret("clientSecret", "Password of that API client.").required(),
    SettingField::text(
        "acceptsMarketingAttribute",
        "Id of the true-or-false attribute of customer profiles that holds the opt-in: Business Manager > Administration \
         > Site Development > System Object Types > Profile. The platform has none of its own; without one there are no \
         subscribers.",
    )
    .shape("^(c_)?[A-Za-z][A-Za-z0-9_]{0,254}$", "an attribute's id such as acceptsMarketing")
    .example("acceptsMarketing"),
    SettingField::url(
        "apiBaseUrl",
        "Address to call instead of https://{shortCode}.api.commercecloud.salesforce.com, for example a proxy.",
    ),
    SettingField::url(
        "tokenUrl",
        "Address that gives tokens instead of https://account.demandware.com/dwsso/oauth2/access_token.",
    ),
];

/// Checked settings.
#[derive(Debug)]
pub(super) struct SfccSettings {
    /// Address of the Commerce API, before the family of an API.
    pub(super) api: Url,
    /// `f_ecom_zzxy_prd`.
    pub(super) organization: String,
    /// Sites whose orders are read; at least one, each once.
    pub(super) sites: Vec<String>,
    /// Customer list.
    pub(super) customer_list: String,
    /// Where tokens are granted.
    pub(super) token_url: Url,
    /// API client.
    pub(super) client_id: String,
    /// Its secret.
    pub(super) client_secret: SecretString,
    /// Name of the opt-in in a document, `c_acceptsMarketing`; `None` if the merchant named none.
    pub(super) attribute: Option<String>,
}

impl SfccSettings {
    /// Reads the settings of an integration.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub(super) fn read(settings: &Settings) -> Result<Self, InvalidSetting> {
        let missing = |name: &str| InvalidSetting::new(name, "is required");
        let text = |name: &str| settings.text(name).map(str::to_owned).ok_or_else(|| missing(name));
        let short_code = text("shortCode")?;
        let api = settings
            .text("apiBaseUrl")
            .map_or_else(|| format!("https://{short_code}.api.commercecloud.salesforce.com"), str::to_owned);
        Ok(Self {
            api: address("apiBaseUrl", &api)?,
            organization: text("organizationId")?,
            sites: each_once(settings.texts("siteIds").unwrap_or_default()),
            customer_list: text("customerListId")?,
            token_url: address("tokenUrl", settings.text("tokenUrl").unwrap_or(TOKEN_URL))?,
            client_id: text("clientId")?,
            client_secret: settings.secret("clientSecret").cloned().ok_or_else(|| missing("clientSecret"))?,
            attribute: settings.text("acceptsMarketingAttribute").map(attribute),
        })
    }

    /// The tenant: realm and instance, `zzxy_prd`.
    pub(super) fn tenant(&self) -> &str {
        self.organization.strip_prefix(ORGANIZATION_PREFIX).unwrap_or(&self.organization)
    }
}

fn address(name: &str, text: &str) -> Result<Url, InvalidSetting> {
    Url::parse(text).map_err(|_| InvalidSetting::new(name, "must be an http or https address"))
}

fn each_once(ids: Vec<String>) -> Vec<String> {
    let mut sites: Vec<String> = Vec::new();
    for id in ids {
        if !sites.contains(&id) {
            sites.push(id);
        }
    }
    sites
}

/// Merchants know the attribute by its id and see it in documents with a prefix; both are meant.
fn attribute(id: &str) -> String {
    format!("{ATTRIBUTE_PREFIX}{}", id.strip_prefix(ATTRIBUTE_PREFIX).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(field: &str, value: Value) -> Result<SfccSettings, InvalidSetting> {
        let mut input = json!({"shortCode": "kv7kzm78", "organizationId": "f_ecom_zzxy_prd", "siteIds": ["RefArch"],
            "customerListId": "RefArch", "clientId": "id", "clientSecret": "hush"});
        input[field] = value;
        SfccSettings::read(&Settings::parse(FIELDS, input.as_object().unwrap().clone())?)
    }

    #[test]
    fn the_short_code_leads_to_the_api_and_the_organization_to_the_tenant() {
        let settings = read("clientId", json!("id")).unwrap();
        assert_eq!(settings.api.as_str(), "https://kv7kzm78.api.commercecloud.salesforce.com/");
        assert_eq!(settings.token_url.as_str(), TOKEN_URL);
        assert_eq!(settings.tenant(), "zzxy_prd");
        assert_eq!(settings.attribute, None);
    }

    #[test]
    fn an_attribute_may_be_named_with_or_without_its_prefix() {
        for name in ["acceptsMarketing", "c_acceptsMarketing"] {
            let settings = read("acceptsMarketingAttribute", json!(name)).unwrap();
            assert_eq!(settings.attribute.as_deref(), Some("c_acceptsMarketing"));
        }
    }

    #[test]
    fn a_site_named_twice_is_read_once() {
        assert_eq!(read("siteIds", json!(["A", "B", "A"])).unwrap().sites, ["A", "B"]);
    }

    #[test]
    fn what_can_not_be_right_is_refused_by_name() {
        for (field, value) in [
            ("shortCode", json!("api.example.com")),
            ("organizationId", json!("zzxy_prd")),
            ("siteIds", json!([])),
            ("siteIds", json!(["a/b"])),
            ("siteIds", json!([".."])),
            ("customerListId", json!("..")),
            ("acceptsMarketingAttribute", json!("accepts marketing")),
            ("tokenUrl", json!("ftp://account.example.com")),
        ] {
            assert_eq!(read(field, value).unwrap_err().field, field);
        }
    }
}
