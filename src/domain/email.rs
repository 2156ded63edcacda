//! Email addresses: parsed at the edge, then known to be good.

use std::fmt;
use std::str::FromStr;

use email_address::{EmailAddress, Options};

/// Longest address accepted, in bytes of the normalised form (RFC 5321 path limit less the angle brackets).
pub const MAX_EMAIL_BYTES: usize = 254;

/// What `email_address` checks for us: a bare address whose domain has a dot and is not an IP literal.
const SHAPE: Options = Options { minimum_sub_domains: 2, allow_domain_literal: false, allow_display_text: false };

/// A valid email address.
///
/// Compared, ordered and hashed by its normalised form: trimmed, lower-cased as a whole, the domain in its IDNA
/// ASCII form. No provider-specific folding: dots and plus tags distinguish people. `Debug` hides the address.
#[derive(Clone)]
pub struct Email {
    typed: String,
    normalized: String,
}

/// Why a text is not an email address. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailProblem {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// Over [`MAX_EMAIL_BYTES`].
    #[error("is longer than {MAX_EMAIL_BYTES} bytes")]
    TooLong,
    /// Not of the form local@domain.
    #[error("is not an email address")]
    Malformed,
    /// The domain has no IDNA ASCII form.
    #[error("has a domain that is not valid")]
    BadDomain,
}

impl Email {
    /// The address as the person typed it, without surrounding white space. For display.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// An address that was checked before it was stored.
    #[must_use]
    pub fn from_stored(typed: String, normalized: String) -> Self {
        Self { typed, normalized }
    }

    /// The form that identifies the person.
    #[must_use]
    pub fn normalized(&self) -> &str {
        &self.normalized
    }
}

impl FromStr for Email {
    type Err = EmailProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let typed = text.trim();
        if typed.is_empty() {
            return Err(EmailProblem::Empty);
        }
        if typed.len() > 4 * MAX_EMAIL_BYTES {
            return Err(EmailProblem::TooLong);
        }
        let (local, domain) = typed.rsplit_once('@').ok_or(EmailProblem::Malformed)?;
        if local.starts_with('"') || typed.chars().any(char::is_control) {
            return Err(EmailProblem::Malformed);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EmailProblem::BadDomain)?;
        let normalized = format!("{}@{domain}", local.to_lowercase());
        if normalized.len() > MAX_EMAIL_BYTES {
            return Err(EmailProblem::TooLong);
        }
        EmailAddress::parse_with_options(&normalized, SHAPE).map_err(|_| EmailProblem::Malformed)?;
        Ok(Self { typed: typed.to_owned(), normalized })
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.normalized == other.normalized
    }
}
impl Eq for Email {}

impl std::hash::Hash for Email {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.normalized.hash(state);
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normalized(text: &str) -> Result<String, EmailProblem> {
        text.parse::<Email>().map(|email| email.normalized)
    }

    #[test]
    fn an_address_is_trimmed_lowered_and_its_domain_made_ascii() {
        assert_eq!(normalized("  Mixed.Case+tag@EXAMPLE.net "), Ok("mixed.case+tag@example.net".to_owned()));
        assert_eq!(normalized("Jörg@Bücher.example"), Ok("jörg@xn--bcher-kva.example".to_owned()));
        assert_eq!(normalized("a.b@example.com"), Ok("a.b@example.com".to_owned()));
    }

    #[test]
    fn what_is_not_an_address_says_why() {
        for (text, problem) in [
            ("   ", EmailProblem::Empty),
            ("nobody", EmailProblem::Malformed),
            ("@example.com", EmailProblem::Malformed),
            ("a@localhost", EmailProblem::Malformed),
            ("a b@example.com", EmailProblem::Malformed),
            ("a@example.com\u{0}", EmailProblem::Malformed),
            ("\"a b\"@example.com", EmailProblem::Malformed),
            ("a@exa mple.com", EmailProblem::BadDomain),
            ("a@-.example", EmailProblem::BadDomain),
        ] {
            assert_eq!(normalized(text), Err(problem), "{text:?}");
        }
        assert_eq!(normalized(&format!("{}@example.com", "a".repeat(300))), Err(EmailProblem::TooLong));
    }

    #[test]
    fn debug_hides_the_address() {
        let email: Email = "anna@example.com".parse().unwrap();
        assert!(!format!("{email:?}").contains("anna"));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(local in "[A-Za-zÄÖÜß0-9._+-]{1,20}", host in "[A-Za-zäöü0-9]{1,10}") {
            if let Ok(email) = format!("{local}@{host}.Example").parse::<Email>() {
                let again: Email = email.normalized().parse().unwrap();
                prop_assert_eq!(email.normalized(), again.normalized());
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            prop_assert!(text.parse::<Email>().is_err() || text.contains('@'));
        }
    }
}
