//! Settings of a Magento or Adobe Commerce integration.

use crate::connectors::settings::SettingField;

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
        "Path of a REST route of your own module that lists newsletter subscribers; Magento itself can't list those \
         without an account.",
    )
    .shape("^/[A-Za-z0-9][A-Za-z0-9/_.-]{0,254}$", "a path that begins with /")
    .example("/V1/acme/newsletter-subscribers"),
];
