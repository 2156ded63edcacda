//! Invented names and addresses: example domains only, so that no mail can reach anybody.

/// A given or family name as it is written, and in letters that every mail server takes.
pub(crate) type Name = (&'static str, &'static str);

pub(crate) const FIRST: &[Name] = &[
    ("Anna", "anna"),
    ("Björn", "bjorn"),
    ("Chloé", "chloe"),
    ("Dvora", "dvora"),
    ("Elif", "elif"),
    ("Fionn", "fionn"),
    ("Göran", "goran"),
    ("Hana", "hana"),
    ("Íris", "iris"),
    ("Jörg", "jorg"),
    ("Kwame", "kwame"),
    ("Łukasz", "lukasz"),
    ("Mary-Jane", "mary-jane"),
    ("Núria", "nuria"),
    ("Olu", "olu"),
    ("Petr", "petr"),
    ("Quynh", "quynh"),
    ("Siobhán", "siobhan"),
    ("Tomás", "tomas"),
    ("Zoë", "zoe"),
];

pub(crate) const LAST: &[Name] = &[
    ("Abara", "abara"),
    ("Ångström", "angstrom"),
    ("Becker", "becker"),
    ("Castellà", "castella"),
    ("Dvořák", "dvorak"),
    ("Fjeld", "fjeld"),
    ("Ionescu", "ionescu"),
    ("Keller", "keller"),
    ("Lindqvist", "lindqvist"),
    ("Mbeki", "mbeki"),
    ("Nguyễn", "nguyen"),
    ("O'Neil", "o'neil"),
    ("Øster", "oster"),
    ("Popescu", "popescu"),
    ("Quist", "quist"),
    ("Smith", "smith"),
    ("Tanaka", "tanaka"),
    ("Weiß", "weiss"),
    ("Wójcik", "wojcik"),
    ("Yılmaz", "yilmaz"),
];

/// A family name that WooCommerce escapes (`vendors/woocommerce.md` section 2, "Text quirk").
pub(crate) const ESCAPED_LAST: &str = "Brown & Sons";

/// Domains as typed and in ASCII, most common first by repetition.
pub(crate) const DOMAINS: &[Name] = &[
    ("example.com", "example.com"),
    ("example.com", "example.com"),
    ("example.com", "example.com"),
    ("example.net", "example.net"),
    ("example.net", "example.net"),
    ("example.org", "example.org"),
    ("example.org", "example.org"),
    ("bücher.example", "xn--bcher-kva.example"),
];

/// The address as product rules compare it: trimmed, lower case, domain in ASCII. `None` if it is not an address.
///
/// Kept apart from the service's own parser on purpose: the sandbox must not be its mirror.
pub(crate) fn normalized(typed: &str) -> Option<String> {
    let typed = typed.trim().to_lowercase();
    let (local, domain) = typed.split_once('@')?;
    let plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "@(),\"<>".contains(c));
    if !plain(local) || !plain(domain) || domain.starts_with('.') || domain.ends_with('.') || !domain.contains('.') {
        return None;
    }
    if typed.is_ascii() {
        return Some(typed);
    }
    let domain = idna::domain_to_ascii(domain).ok()?;
    Some(format!("{local}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_folded_and_nonsense_is_none() {
        assert_eq!(normalized(" Anna@BÜCHER.example").as_deref(), Some("anna@xn--bcher-kva.example"));
        for nonsense in ["", "anna", "anna(at)example.com", "anna@example", "an na@example.com", "@example.com"] {
            assert_eq!(normalized(nonsense), None, "{nonsense}");
        }
    }
}
