//! The words of consent records, as both transports show them.

use super::mirror::mirrored;

mirrored! {
    /// What happened.
    ConsentEvent = "crate::domain::consent::ConsentEvent" {
        /// The person agreed.
        Granted = "granted",
        /// The person was asked and said no.
        Refused = "refused",
        /// The person took an agreement back.
        Withdrawn = "withdrawn",
        /// A confirmation was asked for (double opt-in).
        Requested = "requested",
        /// The confirmation was given (double opt-in).
        Confirmed = "confirmed",
        /// The person agreed again.
        Renewed = "renewed",
        /// The agreement ran out.
        Expired = "expired",
        /// The agreement was found not to be valid.
        Invalidated = "invalidated",
        /// An import corrects an earlier record.
        ImportedCorrection = "imported_correction",
    }
}

mirrored! {
    /// The channel that an agreement is about.
    Channel = "crate::domain::consent::Channel" {
        /// Email.
        Email = "email",
        /// Text messages.
        Sms = "sms",
        /// WhatsApp.
        Whatsapp = "whatsapp",
        /// Push messages.
        Push = "push",
        /// Letters.
        Post = "post",
        /// Calls.
        Phone = "phone",
        /// All of them.
        All = "all",
    }
}

mirrored! {
    /// How the evidence reached us.
    CaptureMethod = "crate::domain::consent::CaptureMethod" {
        /// A signup form hosted here.
        SignupForm = "signup_form",
        /// A form on someone else's page.
        EmbeddedForm = "embedded_form",
        /// A call of the API.
        Api = "api",
        /// A file import.
        Import = "import",
        /// Read from a store.
        StoreSync = "store_sync",
        /// A confirmation link.
        DoubleOptIn = "double_opt_in",
        /// The person's preference page.
        PreferenceCentre = "preference_centre",
        /// An unsubscribe link.
        UnsubscribeLink = "unsubscribe_link",
        /// Somebody on the phone or at the till.
        SupportAgent = "support_agent",
    }
}

mirrored! {
    /// What the person did.
    ConsentAction = "crate::domain::consent::ConsentAction" {
        /// Ticked a box.
        Ticked = "ticked",
        /// Clicked a button.
        Clicked = "clicked",
        /// Typed something.
        Typed = "typed",
        /// Said it.
        Spoken = "spoken",
        /// Signed it.
        Signed = "signed",
        /// Followed a confirmation link.
        ConfirmedLink = "confirmed_link",
        /// Nothing explicit.
        Implied = "implied",
    }
}

mirrored! {
    /// The ground in law.
    LegalBasis = "crate::domain::consent::LegalBasis" {
        /// Consent.
        Consent = "consent",
        /// Explicit consent.
        ExplicitConsent = "explicit_consent",
        /// One's own customers and similar goods.
        SoftOptIn = "soft_opt_in",
        /// Implied consent, where the law knows it.
        Implied = "implied",
        /// Not known.
        Unknown = "unknown",
    }
}

mirrored! {
    /// How sure it is that the person owns the address.
    OptInType = "crate::domain::consent::OptInType" {
        /// Not known.
        Unknown = "unknown",
        /// The address was given once.
        Single = "single",
        /// Somebody else confirmed it.
        Double = "double",
        /// We confirmed it.
        VerifiedDouble = "verified_double",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::mirror::same_words;

    #[test]
    fn the_words_on_the_wire_are_those_of_the_domain() {
        same_words::<ConsentEvent, _>(crate::domain::consent::ConsentEvent::ALL);
        same_words::<Channel, _>(crate::domain::consent::Channel::ALL);
        same_words::<CaptureMethod, _>(crate::domain::consent::CaptureMethod::ALL);
        same_words::<ConsentAction, _>(crate::domain::consent::ConsentAction::ALL);
        same_words::<LegalBasis, _>(crate::domain::consent::LegalBasis::ALL);
        same_words::<OptInType, _>(crate::domain::consent::OptInType::ALL);
    }
}
