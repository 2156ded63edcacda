//! One macro for closed sets of words that stand in the database and on the wire.

/// Declares an enum whose variants each have one stable word.
///
/// Gives `ALL`, `as_str`, `Display`, `FromStr` and serde by that word, so that a set is written once and a new
/// variant is a decision everywhere it is matched.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every member of the set, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands in the database and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::words::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::domain::words::UnknownWord {
                        set: stringify!($name),
                        expected: &[$($word),+],
                    }),
                }
            }
        }
    };
}
pub(crate) use wire_enum;
