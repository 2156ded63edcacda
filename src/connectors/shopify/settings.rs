//! Settings of a Shopify integration.

use crate::connectors::settings::{SettingField, SettingKind};

/// Source: the wire details of the product description.
pub(crate) const FIELDS: &[SettingField] = &[
    SettingField {
        name: "shopDomain",
        kind: SettingKind::Text,
        secret: false,
        required: true,
        description: "The shop, for example acme.myshopify.com.",
    },
    SettingField {
        name: "accessToken",
        kind: SettingKind::Text,
        secret: true,
        required: false,
        description: "Fixed token of an app made in the admin; else give clientId and clientSecret.",
    },
    SettingField {
        name: "clientId",
        kind: SettingKind::Text,
        secret: false,
        required: false,
        description: "Client id of an app of your own organisation.",
    },
    SettingField {
        name: "clientSecret",
        kind: SettingKind::Text,
        secret: true,
        required: false,
        description: "Client secret of that app; also signs its webhooks.",
    },
    SettingField {
        name: "apiVersion",
        kind: SettingKind::Text,
        secret: false,
        required: false,
        description: "Version of the Admin API, for example 2026-07.",
    },
    SettingField {
        name: "apiBaseUrl",
        kind: SettingKind::Url,
        secret: false,
        required: false,
        description: "Address to call instead of https://{shopDomain}.",
    },
];
