//! Settings of a WooCommerce integration.

use crate::connectors::settings::SettingField;

/// Source: the wire details of the product description; `vendors/woocommerce.md` sections 1, 4 and 6.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField::url("storeUrl", "Home address of the shop, with its folder if it has one.")
        .required()
        .example("https://shop.example.com"),
    SettingField::secret(
        "consumerKey",
        "Consumer key, begins with ck_: WooCommerce > Settings > Advanced > REST API > Add key, for a shop manager or \
         administrator. The right Read suffices for syncing; Read/Write lets webhooks be registered.",
    )
    .required()
    .example("ck_0000000000000000000000000000000000000000"),
    SettingField::secret("consumerSecret", "Consumer secret, begins with cs_; shown once, beside the key.")
        .required()
        .example("cs_0000000000000000000000000000000000000000"),
    SettingField::list(
        "optInMetaKeys",
        "Keys of the meta data in which a plugin of the shop records the opt-in, most trusted first.",
    )
    .example("mailchimp_woocommerce_is_subscribed"),
    SettingField {
        secret: true,
        ..SettingField::text(
            "webhookSecret",
            "Secret of webhooks that you make in the shop yourself; otherwise one is chosen for you.",
        )
    },
];
