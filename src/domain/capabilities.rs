//! What each platform can tell, and how fast: said before somebody installs a store, not found out after.
//!
//! One constant per platform, one under the other. They describe what our connectors do with the platform, not all
//! that its vendor offers. Source of each row: `vendors/<platform>.md` and the connector's module.

use super::wire_enum::wire_enum;
use super::words::Platform;

/// What one platform can tell, by our connector.
#[derive(Debug, Clone, Copy)]
pub struct Capabilities {
    /// The platform's name for people.
    pub title: &'static str,
    /// How subscribers are found.
    pub subscribers: Finding,
    /// How customers are found.
    pub customers: Finding,
    /// How guest buyers are found.
    pub guests: Finding,
    /// When an opt-out in the store is seen.
    pub opt_out: OptOutSeen,
    /// Whether the store tells when a person said yes or no.
    pub consent_dates: Fact,
    /// Whether the store tells that a person was deleted.
    pub deletions: Fact,
    /// Whether the store can be asked for what changed since a time.
    pub changes: Fact,
    /// Whether the store tells how many people there are, before they are read.
    pub totals: Fact,
    /// Webhooks that are registered at the store; `None` where the platform has none for us.
    pub webhooks: Option<Webhooks>,
    /// What the platform can't tell or do, and why.
    pub limits: &'static [&'static str],
}

/// How the people of one audience are found.
#[derive(Debug, Clone, Copy)]
pub struct Finding {
    /// Who they are in the store's own terms.
    pub who: &'static str,
    /// By which requests of the platform.
    pub api: &'static str,
}

/// When an opt-out in the store is seen.
#[derive(Debug, Clone, Copy)]
pub struct OptOutSeen {
    /// At best.
    pub soonest: SeenBy,
    /// At the latest, whatever way it came about.
    pub at_latest: SeenBy,
    /// The same in words.
    pub detail: &'static str,
}

/// Whether a platform tells something.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// Whether it does.
    pub told: Told,
    /// How, or why not.
    pub detail: &'static str,
}

/// Webhooks that are registered at a store.
#[derive(Debug, Clone, Copy)]
pub struct Webhooks {
    /// How a delivery is verified.
    pub verified_by: &'static str,
    /// What the store sends, in the platform's words.
    pub topics: &'static [&'static str],
}

wire_enum! {
    /// By what a change in the store is seen, fastest first.
    SeenBy {
        /// Within seconds of the store's delivery.
        Webhook = "webhook",
        /// By the next incremental run.
        IncrementalRun = "incremental_run",
        /// By the next full run.
        FullRun = "full_run",
    }
}

wire_enum! {
    /// Whether a platform tells something.
    Told {
        /// Always.
        Yes = "yes",
        /// Not always, or only in part.
        Partly = "partly",
        /// Never.
        No = "no",
    }
}

const fn yes(detail: &'static str) -> Fact {
    Fact { told: Told::Yes, detail }
}

const fn partly(detail: &'static str) -> Fact {
    Fact { told: Told::Partly, detail }
}

const fn no(detail: &'static str) -> Fact {
    Fact { told: Told::No, detail }
}

/// Source: `vendors/bigcommerce.md` sections 3 to 7 and 10.
pub const BIGCOMMERCE: Capabilities = Capabilities {
    title: "BigCommerce",
    subscribers: Finding {
        who: "Subscriber records that consent to the newsletter; for an address without such a record, a guest's placed order with the box ticked",
        api: "GET /v3/customers/subscribers, GET /v2/orders",
    },
    customers: Finding { who: "Everyone with a store account", api: "GET /v3/customers" },
    guests: Finding {
        who: "Buyers of placed orders without a customer; they join the customers",
        api: "GET /v2/orders",
    },
    opt_out: OptOutSeen {
        soonest: SeenBy::Webhook,
        at_latest: SeenBy::FullRun,
        detail: "Withdrawn consent: by webhook, else by the next incremental run. A deleted subscriber record: by webhook, else by the next full run.",
    },
    consent_dates: partly("A subscriber record tells when it was made and last changed, not when the person agreed."),
    deletions: partly("By webhook only; without it by absence from a full run."),
    changes: yes("Customers, subscribers and orders can be asked for by the time of their last change."),
    totals: partly("Of customers and subscribers; lists of orders come without one."),
    webhooks: Some(Webhooks {
        verified_by: "Standard Webhooks signature (HMAC-SHA256 with the client secret) and a secret header of our own",
        topics: &["store/customer/*", "store/subscriber/*", "store/order/*"],
    }),
    limits: &[
        "A subscriber record alone is no opt-in: records of shoppers who only typed an address at checkout are normal.",
        "Where an opt-in came from can't be told: the form, the account and the checkout end in the same record. What an account holder ticks at checkout counts by that record only.",
        "A store has one subscriber record for an address. Where channelIds are chosen, a yes in the record of another channel is none for them, and what orders say yields to it all the same.",
        "The budget of requests is shared by all apps of the store, so that other apps can slow a run down.",
    ],
};

/// Source: `vendors/magento.md` sections 3 to 7.
pub const MAGENTO: Capabilities = Capabilities {
    title: "Magento and Adobe Commerce",
    subscribers: Finding {
        who: "Accounts that are subscribed to the newsletter, asked for each store view; people without an account only where a module of the shop lists them",
        api: "GET /V1/customers/search, GET /V1/customers/{id}, the path in subscribersEndpoint",
    },
    customers: Finding { who: "Registered accounts and nobody else", api: "GET /V1/customers/search" },
    guests: Finding { who: "Buyers of orders without a customer: an audience of their own", api: "GET /V1/orders" },
    opt_out: OptOutSeen {
        soonest: SeenBy::IncrementalRun,
        at_latest: SeenBy::FullRun,
        detail: "An opt-out by the link in a mail or by staff moves no date of the account. It is seen by the next incremental run of a shop with up to 1,500 accounts, within twelve such runs of a larger one, and by the next full run in any case.",
    },
    consent_dates: no(
        "Core REST tells only whether an account is subscribed now; a change counts from when it was seen.",
    ),
    deletions: no("Accounts and orders just vanish; absence from a full run shows it."),
    changes: partly("Of accounts and orders, but a change of the newsletter subscription alone moves no date."),
    totals: yes("Each list tells its total."),
    webhooks: None,
    limits: &[
        "Core REST can't list newsletter subscribers without an account; name a route of your own module in subscribersEndpoint.",
        "Opted out, waiting for confirmation and never asked look the same; only a yes that is gone counts as an opt-out.",
        "Open Source has no webhooks, and the events of Adobe Commerce need an account with Adobe: changes are seen by asking.",
        "Adobe Commerce as a Cloud Service, with Adobe's own sign-in, is not supported.",
    ],
};

/// Source: `vendors/sfcc.md` sections 4 to 6 and 9.
pub const SFCC: Capabilities = Capabilities {
    title: "Salesforce Commerce Cloud",
    subscribers: Finding {
        who: "Profiles whose attribute for accepting marketing is true; without that attribute nobody",
        api: "POST /customer-lists/{id}/customer-search",
    },
    customers: Finding {
        who: "Every profile of the customer list with an email address",
        api: "POST /customer-lists/{id}/customer-search",
    },
    guests: Finding {
        who: "Buyers of placed orders that are marked as a guest's; they join the customers",
        api: "GET /orders of each site",
    },
    opt_out: OptOutSeen {
        soonest: SeenBy::IncrementalRun,
        at_latest: SeenBy::FullRun,
        detail: "By the next incremental run where customers can be searched by date and the change moved that date; in any case by the next full run, which reads everybody.",
    },
    consent_dates: no("A profile holds the attribute's value only; a change counts from when it was seen."),
    deletions: no("Profiles just vanish; absence from a full run shows it."),
    changes: partly(
        "Of orders. Whether customers can be searched by date is tried out; if not, all are read once a day and nobody in between.",
    ),
    totals: partly("Of customers; lists of orders come without one."),
    webhooks: None,
    limits: &[
        "The platform has no newsletter flag. Make a true-or-false attribute on Profile and name it in acceptsMarketingAttribute.",
        "A search shows at most 10,000 customers, so that people are read in windows of time; a list that can't be searched by date and is larger is refused, never cut.",
        "The newer Shopper Consents tell only about the shopper who asks; they can't be read for all.",
        "Where several profiles share an address, the newest word that was seen wins; at the first look a single no outweighs every yes, whichever profile was changed last.",
        "There are no webhooks: what the platform calls hooks are scripts within the merchant's storefront.",
    ],
};

/// Source: `vendors/shopify.md` sections 3 to 6, 8 and 9.
pub const SHOPIFY: Capabilities = Capabilities {
    title: "Shopify",
    subscribers: Finding {
        who: "Customers whose marketing state is SUBSCRIBED; buyers without a customer record who accepted marketing with their newest order",
        api: "GraphQL customers, orders",
    },
    customers: Finding {
        who: "Every customer with an email address, with an account or not",
        api: "GraphQL customers",
    },
    guests: Finding {
        who: "Most guests are customers already; buyers of orders without one join the customers",
        api: "GraphQL orders",
    },
    opt_out: OptOutSeen {
        soonest: SeenBy::Webhook,
        at_latest: SeenBy::FullRun,
        detail: "By webhook, else by the next incremental run. That each change of consent moves the customer's date is not documented, so the next full run is the bound.",
    },
    consent_dates: yes("The marketing state has the time of its last change, and an order the time of the purchase."),
    deletions: partly("By webhook only; without it by absence from a full run."),
    changes: yes("Customers and orders can be asked for by the time of their last change."),
    totals: partly("Full runs ask for a count; one that the shop does not call exact is left out."),
    webhooks: Some(Webhooks {
        verified_by: "HMAC-SHA256 with the client secret",
        topics: &[
            "customers/create",
            "customers/update",
            "customers/delete",
            "customers/merge",
            "customers_email_marketing_consent/update",
            "orders/create",
            "orders/updated",
            "app/uninstalled",
        ],
    }),
    limits: &[
        "Orders older than 60 days are shown only to apps with the right read_all_orders. Without it a guest's order that is deleted is not noticed: its buyer stays.",
        "An order without a customer says nothing about marketing where a customer has its address: the customer's state counts.",
        "Custom apps of shops on the smallest plans get no email addresses at all; the connection test says so.",
        "The way in (account, checkout, form, staff) can't be told: only the state is kept.",
        "Webhooks are verified by the client secret; without it changes are seen by asking only.",
        "The privacy topics customers/data_request, customers/redact and shop/redact can't be registered by the API: set them in the app's configuration. They are answered and carried out.",
    ],
};

/// Source: `vendors/shopware.md` sections 2 to 4 and 6.
pub const SHOPWARE: Capabilities = Capabilities {
    title: "Shopware 6",
    subscribers: Finding {
        who: "Newsletter recipients of the chosen sales channels with the status direct or optIn",
        api: "POST /api/search/newsletter-recipient",
    },
    customers: Finding { who: "Customers that are not guests", api: "POST /api/search/customer" },
    guests: Finding {
        who: "Guest customers with an order, and buyers whose customer was deleted; they join the customers",
        api: "POST /api/search/customer, POST /api/search/order",
    },
    opt_out: OptOutSeen {
        soonest: SeenBy::Webhook,
        at_latest: SeenBy::FullRun,
        detail: "An unsubscription in the storefront: by webhook, else by the next incremental run. One by staff: by the next incremental run. A deleted recipient: by the next full run.",
    },
    consent_dates: partly(
        "A double opt-in is dated by its confirmation; an opt-out and a single opt-in are not dated.",
    ),
    deletions: partly("Of customers by webhook; of newsletter recipients only by absence from a full run."),
    changes: partly("By the time of the last change; an address that is changed with its customer moves none."),
    totals: yes("Each search tells its exact total."),
    webhooks: Some(Webhooks {
        verified_by: "a secret in the address of the delivery, and the shop's signature where an app registered them",
        topics: &[
            "customer.written",
            "customer.deleted",
            "newsletter.register",
            "newsletter.confirm",
            "newsletter.unsubscribe",
        ],
    }),
    limits: &[
        "Newsletter recipients are known by address and sales channel only: which form or checkout made them can't be told.",
        "Webhooks that are made by the API are not signed, and changes by staff send none: they are hints.",
        "A newsletter sign-up that is not confirmed is nobody yet.",
        "Where the chosen sales channels disagree about an address, the newest word wins; an opt-out is not dated and counts from when it was seen.",
    ],
};

/// Source: `vendors/woocommerce.md` sections 2 to 4 and 6.
pub const WOOCOMMERCE: Capabilities = Capabilities {
    title: "WooCommerce",
    subscribers: Finding {
        who: "Accounts and orders whose meta data, under one of optInMetaKeys, says yes",
        api: "GET /wc/v3/customers, GET /wc/v3/orders",
    },
    customers: Finding {
        who: "Users of the role customer, or of the roles in customerRoles",
        api: "GET /wc/v3/customers",
    },
    guests: Finding { who: "Buyers of orders without a customer; they join the customers", api: "GET /wc/v3/orders" },
    opt_out: OptOutSeen {
        soonest: SeenBy::Webhook,
        at_latest: SeenBy::IncrementalRun,
        detail: "By the next incremental run, because each run reads all accounts. A change of meta data alone sends no webhook; a new order with a no does, and is seen in seconds.",
    },
    consent_dates: partly("An order dates what was ticked in it; the meta data of an account is not dated."),
    deletions: partly("By webhook only; without it by absence from a full run."),
    changes: partly("Of orders. Accounts have no such filter, so that every run reads them all."),
    totals: yes("Each list tells its total."),
    webhooks: Some(Webhooks {
        verified_by: "HMAC-SHA256 with the webhook secret",
        topics: &[
            "customer.created",
            "customer.updated",
            "customer.deleted",
            "order.created",
            "order.updated",
            "order.deleted",
            "order.restored",
        ],
    }),
    limits: &[
        "The platform keeps no opt-in itself: a plugin has to write it into meta data; name its keys in optInMetaKeys.",
        "Meta data of accounts whose key begins with _ is hidden by current releases.",
        "An account's meta data has no date: its no counts from when it was seen, so that at the first look it outweighs every order, and its yes from when the account was made, so that an order's no outweighs it.",
        "A yes that shows only because a more trusted key fell away, or another one was named, is not a new one: it counts from when the account was made.",
        "Account holders of other roles, as plugins for wholesale or membership give, are on no list unless customerRoles names their roles.",
        "Registering webhooks needs a key with the right Read/Write; the shop sends to the ports 80, 443 and 8080 only.",
    ],
};

/// What a platform can tell.
#[must_use]
pub const fn of(platform: Platform) -> &'static Capabilities {
    match platform {
        Platform::BigCommerce => &BIGCOMMERCE,
        Platform::Magento => &MAGENTO,
        Platform::Sfcc => &SFCC,
        Platform::Shopify => &SHOPIFY,
        Platform::Shopware => &SHOPWARE,
        Platform::WooCommerce => &WOOCOMMERCE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_at_best_is_not_later_than_at_the_latest() {
        for platform in Platform::ALL {
            let Capabilities { opt_out, webhooks, .. } = of(*platform);
            assert!(opt_out.soonest <= opt_out.at_latest, "{platform}");
            assert!(opt_out.soonest != SeenBy::Webhook || webhooks.is_some(), "{platform}");
        }
    }
}
