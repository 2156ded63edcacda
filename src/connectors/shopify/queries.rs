//! Everything that is ever asked of Shopify, one document per question.
//!
//! Only what the contact rules need is asked for: fewer points of the budget, and no personal data that nobody uses.

/// One document with what it needs and takes.
#[derive(Debug)]
pub(super) struct Operation {
    /// The document, sent as it stands.
    pub(super) text: &'static str,
    /// The access scope without which the store denies it (`vendors/shopify.md` section 2).
    pub(super) scope: &'static str,
}

impl Operation {
    /// The name that stands in the document.
    pub(super) fn name(&self) -> &'static str {
        let after_kind = self.text.split_once(' ').map_or("", |(_, after)| after);
        after_kind.split(['(', ' ', '{']).next().filter(|name| !name.is_empty()).unwrap_or("query")
    }
}

/// A page of customers.
pub(super) const CUSTOMERS: Operation = Operation {
    text: concat!(include_str!("queries/customers.graphql"), include_str!("queries/customer_fields.graphql")),
    scope: "read_customers",
};

/// One customer.
pub(super) const CUSTOMER: Operation = Operation {
    text: concat!(include_str!("queries/customer.graphql"), include_str!("queries/customer_fields.graphql")),
    scope: "read_customers",
};

/// How many customers there are.
pub(super) const CUSTOMERS_COUNT: Operation =
    Operation { text: include_str!("queries/customers_count.graphql"), scope: "read_customers" };

/// A page of orders.
pub(super) const ORDERS: Operation = Operation {
    text: concat!(include_str!("queries/orders.graphql"), include_str!("queries/order_fields.graphql")),
    scope: "read_orders",
};

/// One order.
pub(super) const ORDER: Operation = Operation {
    text: concat!(include_str!("queries/order.graphql"), include_str!("queries/order_fields.graphql")),
    scope: "read_orders",
};

/// How many orders there are.
pub(super) const ORDERS_COUNT: Operation =
    Operation { text: include_str!("queries/orders_count.graphql"), scope: "read_orders" };

/// What an export of all customers holds: the same fields as a page, so that both are read alike.
pub(super) const CUSTOMERS_EXPORT: Operation = Operation {
    text: concat!(include_str!("queries/customers_export.graphql"), include_str!("queries/customer_fields.graphql")),
    scope: "read_customers",
};

/// What an export of all orders holds.
pub(super) const ORDERS_EXPORT: Operation = Operation {
    text: concat!(include_str!("queries/orders_export.graphql"), include_str!("queries/order_fields.graphql")),
    scope: "read_orders",
};

/// Begins an export.
pub(super) const EXPORT_RUN: Operation =
    Operation { text: include_str!("queries/export_run.graphql"), scope: "read_customers and read_orders" };

/// How far an export is.
pub(super) const EXPORT_STATE: Operation =
    Operation { text: include_str!("queries/export_state.graphql"), scope: "read_customers and read_orders" };

/// Ends an export that nobody waits for any more.
pub(super) const EXPORT_CANCEL: Operation =
    Operation { text: include_str!("queries/export_cancel.graphql"), scope: "read_customers and read_orders" };

/// The webhooks that the shop has for this app.
pub(super) const WEBHOOKS: Operation =
    Operation { text: include_str!("queries/webhooks.graphql"), scope: "access to the app's webhooks" };

/// Makes a webhook.
pub(super) const WEBHOOK_CREATE: Operation =
    Operation { text: include_str!("queries/webhook_create.graphql"), scope: "read_customers and read_orders" };

/// Removes a webhook.
pub(super) const WEBHOOK_DELETE: Operation =
    Operation { text: include_str!("queries/webhook_delete.graphql"), scope: "access to the app's webhooks" };

/// The shop's name and what the token may do.
pub(super) const PROBE: Operation =
    Operation { text: include_str!("queries/probe.graphql"), scope: "access to the shop" };

#[cfg(test)]
mod tests {
    use super::*;
    use apollo_compiler::{ExecutableDocument, Schema};

    const ALL: &[&Operation] = &[
        &CUSTOMERS,
        &CUSTOMER,
        &CUSTOMERS_COUNT,
        &CUSTOMERS_EXPORT,
        &ORDERS,
        &ORDER,
        &ORDERS_COUNT,
        &ORDERS_EXPORT,
        &EXPORT_RUN,
        &EXPORT_STATE,
        &EXPORT_CANCEL,
        &WEBHOOKS,
        &WEBHOOK_CREATE,
        &WEBHOOK_DELETE,
        &PROBE,
    ];

    #[test]
    fn every_document_is_valid_against_the_vendors_schema() {
        let Some(vendors) = crate::skipping::vendors() else { return };
        let file = vendors.join("shopify/schema/admin-2026-07.core.graphql");
        let sdl = std::fs::read_to_string(file).expect("the vendor's schema can be read");
        // Newer than the compiler's list of built-in directives.
        let sdl = format!("directive @oneOf on INPUT_OBJECT\n{sdl}");
        let schema = Schema::parse_and_validate(sdl, "admin.graphql").expect("the vendor's schema is valid");
        for operation in ALL {
            let document = ExecutableDocument::parse_and_validate(&schema, operation.text, "query.graphql");
            if let Err(problem) = document {
                panic!("{}\n{}", operation.text, problem.errors);
            }
        }
    }
}
