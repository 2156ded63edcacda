//! Settings of a Salesforce Commerce Cloud integration.

use crate::connectors::settings::{SettingField, Shape};

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
