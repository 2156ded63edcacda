//! Consents to submit, below the transports.

use assent::domain::consent::{CaptureMethod, Channel, ConsentEvent, LegalBasis, OptInType};
use assent::domain::ids::{ContactId, ListId};
use assent::service::consents::{self, NewConsent, SubmittedConsent};
use chrono::{DateTime, Utc};

use super::shop::Installed;

/// A consent about email, said at `at`.
pub(crate) fn consent(email: &str, event: ConsentEvent, at: DateTime<Utc>) -> NewConsent {
    NewConsent {
        email: email.parse().expect("tests name valid addresses"),
        event,
        supersedes_id: None,
        channel: Channel::Email,
        purposes: vec!["newsletter".to_owned()],
        text: event.is_grant().then(|| "Yes, send me news.".to_owned()),
        language: None,
        policy_url: None,
        consented_at: at,
        url: None,
        ip_address: None,
        user_agent: None,
        capture_method: CaptureMethod::Api,
        capture_ref: None,
        action: None,
        legal_basis: LegalBasis::Consent,
        opt_in_type: OptInType::Single,
        preferences_snapshot: None,
        controller_name: None,
        jurisdiction: None,
        expires_at: None,
        evidence_ref: None,
        metadata: None,
        lists: Vec::new(),
    }
}

impl Installed {
    /// Somebody says yes now, for these lists.
    pub(crate) async fn agrees(&self, email: &str, lists: &[ListId]) -> SubmittedConsent {
        let now = self.app.clock.now();
        let yes = NewConsent { lists: lists.to_vec(), ..consent(email, ConsentEvent::Granted, now) };
        consents::submit(&self.app, &self.caller, yes).await.expect("the consent is taken")
    }

    /// Somebody takes everything back now. Answers who it is.
    pub(crate) async fn withdraws(&self, email: &str) -> ContactId {
        let no = consent(email, ConsentEvent::Withdrawn, self.app.clock.now());
        consents::submit(&self.app, &self.caller, no).await.expect("the withdrawal is taken").contact_id
    }
}
