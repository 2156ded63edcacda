//! Refusals in the words of a real shop (`vendors/magento.md` section 9, `vendors/magento/recorded`).

use serde_json::{Value, json};

use crate::sandbox::server::Answer;

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    status: u16,
    body: Value,
}

impl Refusal {
    fn new(status: u16, message: &str) -> Self {
        Self { status, body: json!({ "message": message }) }
    }

    fn with(mut self, parameters: Value) -> Self {
        self.body["parameters"] = parameters;
        self
    }

    /// Missing rights, and unknown credentials alike (recorded: `auth_wrong_401`).
    pub(super) fn not_authorized(resource: &str) -> Self {
        let message = "The consumer isn't authorized to access %resources.";
        Self::new(401, message).with(json!({ "resources": resource }))
    }

    /// Recorded: `auth_admin_bad_password_401`.
    pub(super) fn bad_password() -> Self {
        let message = "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try \
                       again later.";
        Self::new(401, message)
    }

    /// Example `error-401-signature-invalid`.
    pub(super) fn bad_signature() -> Self {
        Self::new(401, "The signature is invalid. Verify and try again.")
    }

    /// Section 2, example `AS-SERVED-error-400-signature-method`.
    pub(super) fn bad_method(method: &str) -> Self {
        Self::new(400, "Signature method %1 is not supported").with(json!([method]))
    }

    /// Section 9: `nonce_used`; the words of Magento's own nonce generator.
    pub(super) fn nonce_used() -> Self {
        Self::new(401, "The nonce is already being used by the consumer with ID %1.").with(json!([1]))
    }

    /// The words of Magento's own nonce generator, `timestamp_refused`.
    pub(super) fn bad_timestamp() -> Self {
        Self::new(400, "Incorrect timestamp value in the oauth_timestamp parameter")
    }

    /// Recorded: `route_unknown_404`.
    pub(super) fn no_route() -> Self {
        Self::new(404, "Request does not match any route.")
    }

    /// Recorded: `customer_unknown_404`.
    pub(super) fn no_customer(id: u64) -> Self {
        let message = "No such entity with %fieldName = %fieldValue";
        Self::new(404, message).with(json!({ "fieldName": "customerId", "fieldValue": id }))
    }

    /// Recorded: `order_unknown_404`.
    pub(super) fn no_order() -> Self {
        Self::new(404, "The entity that was requested doesn't exist. Verify the entity and try again.")
    }

    /// Recorded: `customers_no_search_criteria_400`.
    pub(super) fn no_criteria() -> Self {
        let message = "\"%fieldName\" is required. Enter and try again.";
        Self::new(400, message).with(json!({ "fieldName": "searchCriteria" }))
    }

    /// Recorded: `customers_filter_unknown_field`.
    pub(super) fn no_attribute(name: &str) -> Self {
        Self::new(400, "The \"%1\" attribute name is invalid. Reset the name and try again.").with(json!([name]))
    }

    /// Example `AS-SERVED-error-400-page-size-limit`.
    pub(super) fn page_too_large(largest: u64) -> Self {
        Self::new(400, "Maximum SearchCriteria pageSize is %max").with(json!({ "max": largest }))
    }

    /// Recorded: `bad_json_400`.
    pub(super) fn bad_json() -> Self {
        Self::new(400, "Decoding error.")
    }

    /// Example `AS-SERVED-error-429`: not of core, but of hosts (section 9).
    pub(super) fn too_many() -> Answer {
        Self { status: 429, body: json!({ "message": "Too Many Requests", "trace": null }) }
            .answer()
            .with("retry-after", "1")
    }

    /// Example `error-500`.
    pub(super) fn failed(number: u64) -> Self {
        let message = "Internal Error. Details are available in Magento log file. Report ID: webapi-";
        Self::new(500, &format!("{message}{number:013x}"))
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::json(self.status, &self.body).with("cache-control", "no-store")
    }
}
