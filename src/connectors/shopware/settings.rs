//! Settings of a Shopware 6 integration.

use crate::connectors::settings::{SettingField, Shape};

/// Source: the wire details of the product description; `vendors/shopware.md` section 1.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField::url("storeUrl", "Address of the shop, with its folder if it has one and without /api.")
        .required()
        .example("https://shop.example.com"),
    SettingField::text(
        "accessKeyId",
        "Access key id, begins with SWIA: Settings > System > Integrations > Add integration. Its role needs to read \
         customers, orders, order customers, newsletter recipients and sales channels.",
    )
    .required()
    .shape(Shape::VISIBLE.pattern, Shape::VISIBLE.words)
    .example("SWIA0000000000000000000000"),
    SettingField::secret("secretAccessKey", "Secret access key, shown once when the integration is added.").required(),
    SettingField::list("salesChannelIds", "Only people of these sales channels, by id; without it those of all.")
        .shape("^[0-9a-f]{32}$", "an id of 32 hexadecimal digits")
        .example("98432def39fc4624b33213a56b8c944d"),
    SettingField::secret(
        "appSecret",
        "Secret that the shop signs its webhooks with, where an app of the shop sends them; unsigned ones are refused then.",
    ),
];
