//! What can go wrong with a store, in the words of who has to act.

use std::time::Duration;

/// A request to a store that gave nothing usable. Holds no store text, address or secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// No connection: name, network, TLS.
    #[error("the store could not be reached; check its address and that it is online")]
    Unreachable,
    /// Connected, but no full answer in time.
    #[error("the store did not answer in time")]
    TimedOut,
    /// The store asks to slow down.
    #[error("the store asks to slow down")]
    Throttled {
        /// How long to wait, as far as the store says.
        after: Option<Duration>,
    },
    /// The store is still preparing what it was asked for, for example an export. No failure, and does not count as one.
    #[error("the store is still preparing what was asked for")]
    NotReady {
        /// When to ask again.
        after: Duration,
    },
    /// The store failed (5xx, or a platform's own word for it).
    #[error(
        "the store answered with an internal failure (status {status}); if it goes on, look into the store's own logs"
    )]
    StoreFailed {
        /// HTTP status.
        status: u16,
        /// How long to wait, as far as the store says.
        after: Option<Duration>,
    },
    /// Not the vendor's format: truncated, HTML, wrong shape.
    #[error(
        "the store's answer is not of the expected format ({what}); a proxy or a plugin of the store may be in the way"
    )]
    BadAnswer {
        /// What was expected, in our words.
        what: &'static str,
    },
    /// The store refuses the credentials.
    #[error("the store rejects the credentials; create new ones in the store and update the integration")]
    CredentialsRejected,
    /// The credentials are good but lack a right.
    #[error("the credentials lack a right: {what}; grant it in the store and test the connection")]
    Forbidden {
        /// The missing right, in the platform's words.
        what: String,
    },
    /// There is no such API at that address.
    #[error("there is no {what} at the store's address; check the address and that the platform's API is switched on")]
    NotThere {
        /// What was looked for.
        what: &'static str,
    },
    /// The store answers with a redirect. Where to is the store's text, and may be anywhere.
    #[error(
        "the store redirects to another address; open the store's address in a browser and enter the one that it ends \
         at, with https and with or without www"
    )]
    Moved,
    /// The platform has closed the store for the time being.
    #[error("the store is out of service: {what}; its owner has to settle that with the platform")]
    OutOfService {
        /// Why, in our words.
        what: &'static str,
    },
    /// The store refuses the request for another reason.
    #[error("the store refuses the request (status {status})")]
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// The store has more than its API shows, and offers no way to ask for it in parts.
    #[error(
        "the store does not show all of its {what}; nothing more was read, so that nobody is taken for gone; ask the \
         platform's support"
    )]
    ListTooLong {
        /// Of what, and why, in our words.
        what: &'static str,
    },
    /// The answer is larger than we read.
    #[error("the store's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The address is one that we do not call.
    #[error("the store's address is private; set ASSENT_ALLOW_PRIVATE_HOSTS=true if that is meant")]
    PrivateHost,
}

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Again after this time.
    After(Duration),
    /// Again after a growing, jittered time.
    Backoff,
    /// Not again: somebody has to act first.
    Never,
}

impl ConnectorError {
    /// Whether asking again can help. The only place that decides it.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Throttled { after: Some(after) }
            | Self::StoreFailed { after: Some(after), .. }
            | Self::NotReady { after } => Retry::After(*after),
            Self::Throttled { after: None }
            | Self::StoreFailed { after: None, .. }
            | Self::Unreachable
            | Self::TimedOut
            | Self::BadAnswer { .. } => Retry::Backoff,
            Self::CredentialsRejected
            | Self::Forbidden { .. }
            | Self::NotThere { .. }
            | Self::Moved
            | Self::OutOfService { .. }
            | Self::Refused { .. }
            | Self::ListTooLong { .. }
            | Self::TooLarge { .. }
            | Self::PrivateHost => Retry::Never,
        }
    }

    /// Stable code for runs, metrics and clients.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "STORE_UNREACHABLE",
            Self::TimedOut => "STORE_TIMED_OUT",
            Self::Throttled { .. } => "STORE_THROTTLED",
            Self::NotReady { .. } => "STORE_NOT_READY",
            Self::StoreFailed { .. } => "STORE_FAILED",
            Self::BadAnswer { .. } => "STORE_BAD_ANSWER",
            Self::CredentialsRejected => "STORE_CREDENTIALS_REJECTED",
            Self::Forbidden { .. } => "STORE_FORBIDDEN",
            Self::NotThere { .. } => "STORE_NOT_THERE",
            Self::Moved => "STORE_MOVED",
            Self::OutOfService { .. } => "STORE_OUT_OF_SERVICE",
            Self::Refused { .. } => "STORE_REFUSED",
            Self::ListTooLong { .. } => "STORE_LIST_TOO_LONG",
            Self::TooLarge { .. } => "STORE_ANSWER_TOO_LARGE",
            Self::PrivateHost => "STORE_PRIVATE_HOST",
        }
    }

    /// Whether the integration has to wait for somebody: credentials or rights.
    #[must_use]
    pub const fn needs_attention(&self) -> bool {
        matches!(self, Self::CredentialsRejected | Self::Forbidden { .. })
    }
}
