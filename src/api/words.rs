//! The domain's closed sets of words, as both transports show them.

use super::mirror::mirrored;

mirrored! {
    /// The store platforms that Assent connects to.
    Platform = "crate::domain::words::Platform" {
        /// BigCommerce.
        #[graphql(name = "BIGCOMMERCE")]
        BigCommerce = "bigcommerce",
        /// Magento 2 and Adobe Commerce.
        Magento = "magento",
        /// Salesforce Commerce Cloud.
        Sfcc = "sfcc",
        /// Shopify.
        Shopify = "shopify",
        /// Shopware 6.
        Shopware = "shopware",
        /// WooCommerce.
        #[graphql(name = "WOOCOMMERCE")]
        WooCommerce = "woocommerce",
    }
}

mirrored! {
    /// The kind of person that a store yields and a list can be mapped to.
    Audience = "crate::domain::words::Audience" {
        /// People with a positive, current opt-in.
        Subscribers = "subscribers",
        /// People with a store account and, on most platforms, guest buyers.
        Customers = "customers",
        /// Guest buyers, where the connector keeps them apart (Magento).
        Guests = "guests",
    }
}

mirrored! {
    /// What a list may be used for.
    Purpose = "crate::domain::words::Purpose" {
        /// Marketing messages: only people who opted in may be on it.
        Marketing = "marketing",
        /// Anything else: service messages, analysis.
        Other = "other",
    }
}

mirrored! {
    /// Whether an integration may be synced.
    IntegrationState = "crate::domain::sync::IntegrationState" {
        /// Yes.
        Active = "active",
        /// Somebody paused it.
        Paused = "paused",
        /// The store refuses our credentials; somebody has to act.
        NeedsAttention = "needs_attention",
    }
}

mirrored! {
    /// How well an integration keeps its lists in step.
    Health = "crate::domain::health::Health" {
        /// Its last run ended well and the next one is in time.
        Healthy = "healthy",
        /// It is due for longer than its interval, and no run has begun: there are too few workers.
        Late = "late",
        /// Its last runs failed; it is tried again by itself.
        Failing = "failing",
        /// Somebody paused it.
        Paused = "paused",
        /// Nothing goes on before somebody acts.
        NeedsAttention = "needs_attention",
    }
}

mirrored! {
    /// What kind of thing stopped a run.
    FailureClass = "crate::domain::failure::FailureClass" {
        /// What the integration was given to reach its store does not work: keys, address, settings.
        Credentials = "credentials",
        /// The keys are good but lack a right.
        Scope = "scope",
        /// The store's limits are used up.
        Quota = "quota",
        /// The store does not answer, or answers that it failed.
        StoreDown = "store_down",
        /// The store answers something else than its platform documents, or much less than before.
        SchemaDrift = "schema_drift",
        /// A single record can't be used.
        BadRecord = "bad_record",
        /// A fault of this service or of its database.
        Ours = "ours",
    }
}

mirrored! {
    /// Who can do something about a failure.
    WhoCanAct = "crate::domain::failure::WhoCanAct" {
        /// Nobody needs to: it is tried again by itself.
        Nobody = "nobody",
        /// Who administers the store.
        StoreAdmin = "store_admin",
        /// Who administers the account here.
        AccountAdmin = "account_admin",
        /// Who runs this service.
        Operator = "operator",
    }
}

mirrored! {
    /// What began a run.
    RunCause = "crate::domain::sync::RunCause" {
        /// It was due.
        Schedule = "schedule",
        /// Somebody asked for it.
        Request = "request",
        /// A webhook named more than is read one by one.
        Webhook = "webhook",
    }
}

mirrored! {
    /// Whether the store sends webhooks here.
    RegistrationState = "crate::domain::webhook::RegistrationState" {
        /// Not tried yet.
        Pending = "pending",
        /// The store sends them, as far as the topics and the problems say.
        Registered = "registered",
        /// The store could not be told to; it is tried again.
        Failed = "failed",
        /// The platform has none that this service takes; changes are found by syncing.
        Unsupported = "unsupported",
        /// The public address of this service can't be reached by a store.
        Unreachable = "unreachable",
    }
}

mirrored! {
    /// How much of the store a run reads.
    RunMode = "crate::domain::sync::RunMode" {
        /// What changed since the last run, as far as the platform can tell.
        Incremental = "incremental",
        /// Everything; also finds what is gone.
        Full = "full",
    }
}

mirrored! {
    /// Where a run stands.
    RunStatus = "crate::domain::sync::RunStatus" {
        /// Waiting for a worker.
        Queued = "queued",
        /// A worker is at it.
        Running = "running",
        /// Ended well.
        Succeeded = "succeeded",
        /// Ended with an error.
        Failed = "failed",
        /// Stopped on request.
        Cancelled = "cancelled",
    }
}

mirrored! {
    /// What kind of reason keeps a contact on a list.
    GroundKind = "crate::domain::membership::GroundKind" {
        /// An integration's mapping.
        Mapping = "mapping",
        /// A call of the API.
        Api = "api",
        /// A signup form.
        Form = "form",
        /// An import.
        Import = "import",
    }
}

mirrored! {
    /// What happened to a membership.
    MembershipEventKind = "crate::domain::membership::MembershipEventKind" {
        /// The contact came onto the list.
        Joined = "joined",
        /// The contact went off the list.
        Left = "left",
    }
}

mirrored! {
    /// Which rule caused a join or a leave.
    Cause = "crate::domain::membership::Cause" {
        /// The store's record fits the audience.
        ContactRule = "contact_rule",
        /// The store says that the person opted in no longer.
        OptedOut = "opted_out",
        /// The record changed so that the audience no longer fits.
        NoLongerFits = "no_longer_fits",
        /// The store's record now has another address.
        EmailChanged = "email_changed",
        /// The store no longer has the record.
        DeletedInStore = "deleted_in_store",
        /// The mapping was changed.
        MappingChanged = "mapping_changed",
        /// The integration was deleted.
        IntegrationDeleted = "integration_deleted",
        /// The list was deleted.
        ListDeleted = "list_deleted",
        /// A consent was submitted with lists to join.
        ConsentSubmitted = "consent_submitted",
        /// The address was suppressed.
        Suppressed = "suppressed",
        /// The suppression was lifted by a newer consent.
        Resubscribed = "resubscribed",
        /// The person was erased.
        Erased = "erased",
    }
}

mirrored! {
    /// What a privacy request asks for.
    PrivacyKind = "crate::domain::privacy::PrivacyKind" {
        /// The data of one person, to be handed to the owner of the store.
        DataRequest = "data_request",
        /// One person's erasure.
        Redact = "redact",
        /// The erasure of everything that one store brought.
        ShopRedact = "shop_redact",
    }
}

mirrored! {
    /// Where a privacy request stands.
    PrivacyState = "crate::domain::privacy::PrivacyState" {
        /// To be carried out.
        Open = "open",
        /// The data is there to be handed over; nobody has said yet that it was.
        Ready = "ready",
        /// Carried out.
        Done = "done",
        /// The last try failed; it is tried again.
        Failed = "failed",
    }
}

mirrored! {
    /// Where in a store records come from. With the store's id it is the identity of a source record.
    Stream = "crate::domain::people::Stream" {
        /// Accounts, and whatever else the platform keeps as a customer.
        Customers = "customers",
        /// Newsletter rows, on platforms that keep them apart from customers.
        Subscribers = "subscribers",
        /// Orders: the only place where guests exist.
        Orders = "orders",
    }
}

mirrored! {
    /// What a record says about the person's standing in the store.
    PersonKind = "crate::domain::people::PersonKind" {
        /// Has a store account (on Shopify: a customer record).
        Account = "account",
        /// Bought without an account.
        Guest = "guest",
        /// An order of an account holder: makes nobody a customer, but may carry an opt-in.
        AccountOrder = "account_order",
        /// A newsletter row: makes nobody a customer.
        Newsletter = "newsletter",
    }
}

mirrored! {
    /// Why a record could not be used. The run goes on.
    QuarantineReason = "crate::domain::people::QuarantineReason" {
        /// The record has no email address.
        NoEmail = "no_email",
        /// The record's email address is not valid.
        InvalidEmail = "invalid_email",
        /// The record is not of the vendor's shape.
        Malformed = "malformed",
    }
}

mirrored! {
    /// What a store's flag says.
    OptIn = "crate::domain::statement::OptIn" {
        /// A positive opt-in.
        Granted = "granted",
        /// Nothing we may act on: never asked, pending, absent, or a value we do not know. Never a yes.
        Unknown = "unknown",
        /// An explicit no.
        Withdrawn = "withdrawn",
    }
}

mirrored! {
    /// By which way an opt-in came about, as far as the platform tells.
    OptInSource = "crate::domain::statement::OptInSource" {
        /// Ticked while an account was made, or kept on the account.
        AccountCreation = "account_creation",
        /// Ticked at checkout.
        Checkout = "checkout",
        /// The store's newsletter form.
        NewsletterForm = "newsletter_form",
        /// The platform's own marketing state, whatever set it.
        StoreSetting = "store_setting",
        /// A custom attribute made by the merchant.
        CustomAttribute = "custom_attribute",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::mirror::same_words;

    #[test]
    fn the_words_on_the_wire_are_those_of_the_domain() {
        same_words::<Platform, _>(crate::domain::words::Platform::ALL);
        same_words::<Audience, _>(crate::domain::words::Audience::ALL);
        same_words::<Purpose, _>(crate::domain::words::Purpose::ALL);
        same_words::<IntegrationState, _>(crate::domain::sync::IntegrationState::ALL);
        same_words::<Health, _>(crate::domain::health::Health::ALL);
        same_words::<FailureClass, _>(crate::domain::failure::FailureClass::ALL);
        same_words::<WhoCanAct, _>(crate::domain::failure::WhoCanAct::ALL);
        same_words::<RunCause, _>(crate::domain::sync::RunCause::ALL);
        same_words::<RegistrationState, _>(crate::domain::webhook::RegistrationState::ALL);
        same_words::<RunMode, _>(crate::domain::sync::RunMode::ALL);
        same_words::<RunStatus, _>(crate::domain::sync::RunStatus::ALL);
        same_words::<GroundKind, _>(crate::domain::membership::GroundKind::ALL);
        same_words::<MembershipEventKind, _>(crate::domain::membership::MembershipEventKind::ALL);
        same_words::<Cause, _>(crate::domain::membership::Cause::ALL);
        same_words::<PrivacyKind, _>(crate::domain::privacy::PrivacyKind::ALL);
        same_words::<PrivacyState, _>(crate::domain::privacy::PrivacyState::ALL);
        same_words::<Stream, _>(crate::domain::people::Stream::ALL);
        same_words::<PersonKind, _>(crate::domain::people::PersonKind::ALL);
        same_words::<QuarantineReason, _>(crate::domain::people::QuarantineReason::ALL);
        same_words::<OptIn, _>(crate::domain::statement::OptIn::ALL);
        same_words::<OptInSource, _>(crate::domain::statement::OptInSource::ALL);
    }
}
