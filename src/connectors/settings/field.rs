//! One setting of a platform, as a row of its table: what the check, the JSON Schema and the documents say about it.

/// One setting of a platform. Rows are built by [`text`](Self::text) and its like, so that a row says only what is
/// special about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingField {
    /// Name on the wire.
    pub name: &'static str,
    /// What kind of value.
    pub kind: SettingKind,
    /// Whether it is write-only and sealed at rest.
    pub secret: bool,
    /// Whether it must be there.
    pub need: Need,
    /// What a text looks like; of a list, each of its texts.
    pub shape: Shape,
    /// A value as it may look; never one of a real store.
    pub example: Option<&'static str>,
    /// What it is and where a person finds it.
    pub description: &'static str,
}

/// Kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Text of 1 to 2048 characters.
    Text,
    /// An http or https address.
    Url,
    /// Up to 50 texts.
    TextList,
}

/// Whether a setting must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Always.
    Required,
    /// Never.
    Optional,
    /// With one of several ways to sign in, of which exactly one is chosen.
    SignIn {
        /// The way that needs it, in words.
        way: &'static str,
        /// The other ways beside which it may be given, for another purpose.
        beside: &'static [&'static str],
    },
}

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// A regular expression for the whole text, in the common part of Rust's and ECMAScript's dialects.
    pub pattern: &'static str,
    /// The same for people; follows "must be".
    pub words: &'static str,
}

impl Shape {
    /// Text on one line.
    pub const LINE: Self =
        Self { pattern: r"^[^\x00-\x1F\x7F-\x9F]+$", words: "text of 1 to 2048 characters on one line" };
    /// What can stand in a header: keys, tokens, ids.
    pub const VISIBLE: Self =
        Self { pattern: "^[!-~]+$", words: "1 to 2048 letters, digits and signs of ASCII, without spaces" };
    /// An address without user, query or fragment.
    pub const WEB_ADDRESS: Self = Self {
        pattern: r"^https?://([^\x00-\x20\x22\x23\x7F-\x9F%/:<>?@\[\\\]^`{|}]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[^\x00-\x20\x22\x23\x7F-\x9F<>?\\`{}]*)?$",
        words: "an http or https address without user, query or fragment",
    };
}

impl SettingField {
    /// A public text on one line.
    #[must_use]
    pub const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            kind: SettingKind::Text,
            secret: false,
            need: Need::Optional,
            shape: Shape::LINE,
            example: None,
            description,
        }
    }

    /// A secret that is sent in a header or signs requests.
    #[must_use]
    pub const fn secret(name: &'static str, description: &'static str) -> Self {
        Self { secret: true, shape: Shape::VISIBLE, ..Self::text(name, description) }
    }

    /// A public http or https address.
    #[must_use]
    pub const fn url(name: &'static str, description: &'static str) -> Self {
        Self { kind: SettingKind::Url, shape: Shape::WEB_ADDRESS, ..Self::text(name, description) }
    }

    /// A public list of up to 50 texts; at least one where it is required.
    #[must_use]
    pub const fn list(name: &'static str, description: &'static str) -> Self {
        Self { kind: SettingKind::TextList, ..Self::text(name, description) }
    }

    /// It must be there.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// A way to sign in needs it; it may also be given beside the ways `beside`.
    #[must_use]
    pub const fn sign_in(self, way: &'static str, beside: &'static [&'static str]) -> Self {
        Self { need: Need::SignIn { way, beside }, ..self }
    }

    /// What its text looks like.
    #[must_use]
    pub const fn shape(self, pattern: &'static str, words: &'static str) -> Self {
        Self { shape: Shape { pattern, words }, ..self }
    }

    /// A value as it may look.
    #[must_use]
    pub const fn example(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    /// The way to sign in that needs it.
    pub(super) const fn way(&self) -> Option<&'static str> {
        match self.need {
            Need::SignIn { way, .. } => Some(way),
            Need::Required | Need::Optional => None,
        }
    }

    /// Whether it may be there when `chosen` is the way to sign in.
    pub(super) fn fits(&self, chosen: &str) -> bool {
        match self.need {
            Need::SignIn { way, beside } => way == chosen || beside.contains(&chosen),
            Need::Required | Need::Optional => true,
        }
    }
}
