//! Settings of a WooCommerce integration.

use crate::connectors::settings::{InvalidSetting, SettingField, Settings};

/// What WordPress calls the users that a shop makes of its account holders (`vendors/woocommerce.md` section 2).
const CUSTOMER: &str = "customer";
/// No role but a request for everybody, the shop's staff among them.
const EVERYBODY: &str = "all";

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
    SettingField::list(
        "customerRoles",
        "Roles whose users are customers, by their names in WordPress; only customer unless set. Name customer, too, if it \
         shall still count.",
    )
    .shape("^[A-Za-z0-9_-]{1,64}$", "the name of a role in WordPress, of letters, digits, _ and -")
    .example("wholesale_customer"),
    SettingField {
        secret: true,
        ..SettingField::text(
            "webhookSecret",
            "Secret of webhooks that you make in the shop yourself; otherwise one is chosen for you.",
        )
    },
];

/// The roles whose users are customers.
///
/// # Errors
/// One of them is no role.
pub(super) fn roles(settings: &Settings) -> Result<Vec<String>, InvalidSetting> {
    let roles = settings.texts("customerRoles").filter(|roles| !roles.is_empty());
    let roles = roles.unwrap_or_else(|| vec![CUSTOMER.to_owned()]);
    if roles.iter().any(|role| role == EVERYBODY) {
        return Err(InvalidSetting::new(
            "customerRoles",
            "must name roles one by one; all would make customers of the shop's staff",
        ));
    }
    Ok(roles)
}
