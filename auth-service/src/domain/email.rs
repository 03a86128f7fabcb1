//! Email addresses: kept as given, compared by their canonical form.

use unicode_normalization::UnicodeNormalization as _;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_BYTES: usize = 254;

/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// An email address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    given: String,
    key: String,
}

/// The text is no email address of the form `local@domain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Email::RULE)]
pub struct EmailError;

impl Email {
    /// What an email address must be.
    pub const RULE: &'static str = "must be an email address such as ada@example.com, at most 254 bytes long";

    /// Reads an address of the form `local@domain`.
    ///
    /// The local part is of RFC 5322's dot-atoms, in Unicode as RFC 6532 has it; quoted local parts, comments and
    /// address literals are refused. The domain has at least two labels, and is read by UTS #46.
    ///
    /// # Errors
    /// When the text is anything else, or too long.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_BYTES {
            return Err(EmailError);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        if local.len() > MAX_LOCAL_BYTES || !local.split('.').all(is_atom) {
            return Err(EmailError);
        }
        let key = format!("{}@{}", canonical_local(local), canonical_domain(domain)?);
        if key.len() > MAX_BYTES {
            return Err(EmailError);
        }
        Ok(Self { given: text.to_owned(), key })
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// The canonical form: two addresses with the same one are the same address here.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// RFC 5322 §3.2.3 `atom`, with RFC 6532's letters.
fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|char| {
            if char.is_ascii() {
                char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char)
            } else {
                !char.is_control() && !char.is_whitespace() && !is_format(char)
            }
        })
}

/// Marks that change how text is shown and not what it says: they make two addresses look alike.
fn is_format(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// No provider in use tells letter case or composition in the local part apart, and a person does not either.
fn canonical_local(local: &str) -> String {
    local.nfkc().flat_map(char::to_lowercase).nfc().collect()
}

/// The domain's ASCII form, so that its Unicode and its `xn--` form are one.
fn canonical_domain(domain: &str) -> Result<String, EmailError> {
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EmailError)?;
    let labels = domain.split('.').count();
    let numeric = domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if labels < 2 || numeric { Err(EmailError) } else { Ok(domain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c61_forms_of_one_address_have_one_key() {
        for (one, other) in [
            ("Ada@Example.COM", "ada@example.com"),
            ("jose\u{301}@example.com", "jos\u{e9}@example.com"),
            ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example"),
            ("\u{ff41}da@example.com", "ada@example.com"),
            ("a@\u{ff45}xample.com", "a@example.com"),
        ] {
            assert_eq!(Email::parse(one).unwrap().key(), Email::parse(other).unwrap().key(), "{one}");
        }
        assert_eq!(Email::parse("Ada@Example.COM").unwrap().as_str(), "Ada@Example.COM");
        assert_ne!(Email::parse("ada+a@example.com").unwrap().key(), Email::parse("ada@example.com").unwrap().key());
    }

    #[test]
    fn c61_what_is_no_address_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.example.com", "a.".repeat(130));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a@@b.c",
            "a b@c.d",
            "a@b c.d",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@b..c",
            "a@-b.c",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "\"a\"@b.c",
            "a\0@b.c",
            "a\n@b.c",
            "a@b.c\n",
            "(a)b@c.d",
            "a\u{200b}b@c.d",
            "a\u{202e}b@c.d",
            &long_local,
            &long,
        ] {
            assert_eq!(Email::parse(text), Err(EmailError), "{text:?}");
        }
    }
}
