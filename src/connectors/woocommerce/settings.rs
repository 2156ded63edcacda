//! Settings of a WooCommerce integration.

use crate::connectors::settings::{SettingField, SettingKind};

/// Source: the wire details of the product description.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField {
        name: "storeUrl",
        kind: SettingKind::Url,
        secret: false,
        required: true,
        description: "Home address of the shop, with its folder if it has one.",
    },
    SettingField {
        name: "consumerKey",
        kind: SettingKind::Text,
        secret: true,
        required: true,
        description: "REST API key, starts with ck_; read rights suffice.",
    },
    SettingField {
        name: "consumerSecret",
        kind: SettingKind::Text,
        secret: true,
        required: true,
        description: "REST API secret, starts with cs_.",
    },
    SettingField {
        name: "optInMetaKeys",
        kind: SettingKind::TextList,
        secret: false,
        required: false,
        description: "Meta keys that record the opt-in, most trusted first.",
    },
    SettingField {
        name: "webhookSecret",
        kind: SettingKind::Text,
        secret: true,
        required: false,
        description: "Secret that signs the webhooks of the shop.",
    },
];
