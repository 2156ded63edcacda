//! What people should know about a platform before they install it.

use super::words::Platform;

/// The platform's name for people, and notes. Source: `vendors/<platform>.md` and the rules table of the product.
#[must_use]
pub const fn notes_of(platform: Platform) -> (&'static str, &'static [&'static str]) {
    match platform {
        Platform::BigCommerce => (
            "BigCommerce",
            &[
                "Guest buyers go into the customers list.",
                "A subscriber of the newsletter form need not be a customer.",
            ],
        ),
        Platform::Magento => (
            "Magento and Adobe Commerce",
            &[
                "Guests are an audience of their own and never go into the customers list.",
                "Only newsletter subscriptions on the site make subscribers.",
                "The REST API can't list people who subscribed without an account; let a module of the shop list them and \
                 name it in subscribersEndpoint.",
                "An opt-out by the link in a mail moves no date of change: it is seen by the next incremental run of a shop \
                 with up to 1,500 accounts, and within twelve such runs of a larger one.",
                "There are no webhooks in the REST API.",
            ],
        ),
        Platform::Sfcc => (
            "Salesforce Commerce Cloud",
            &[
                "Subscribers need the store's custom attribute for accepting marketing; without it the audience is empty.",
            ],
        ),
        Platform::Shopify => (
            "Shopify",
            &[
                "Orders older than 60 days are shown only to apps with the right read_all_orders.",
                "Guests go into the customers list, and into the subscribers list if they opted in.",
            ],
        ),
        Platform::Shopware => ("Shopware 6", &["Guest buyers go into the customers list."]),
        Platform::WooCommerce => (
            "WooCommerce",
            &[
                "Guests exist only in orders.",
                "The platform can't tell which customers changed, so that every run reads them all.",
                "The opt-in stands in meta data that a plugin writes; name its keys in optInMetaKeys.",
            ],
        ),
    }
}
