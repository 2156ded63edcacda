//! Settings of a BigCommerce integration.

use crate::connectors::settings::SettingField;

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
