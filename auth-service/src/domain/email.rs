//! Email addresses: kept as given, compared by their canonical form.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;

use kit::characters::is_invisible;

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
    /// address literals are refused, and so are characters that nobody sees. The domain has at least two labels, of
    /// which the last is no number, and is read by UTS #46 without its transitional mappings. Whether it exists is not
    /// asked.
    ///
    /// Of the 164 addresses of isemail 3.05 this accepts the ones that are valid or wanting in DNS alone, but for
    /// `test@io`, and refuses all others.
    ///
    /// # Errors
    /// When the text is anything else, or too long, be it in its canonical form.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_BYTES {
            return Err(EmailError);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        if !is_local(local) {
            return Err(EmailError);
        }
        let local = canonical_local(local);
        let key = format!("{local}@{}", canonical_domain(domain)?);
        // Compatibility forms hide dots, blanks and at signs, and some become eighteen characters.
        if !is_local(&local) || key.len() > MAX_BYTES {
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

fn is_local(text: &str) -> bool {
    text.len() <= MAX_LOCAL_BYTES && text.split('.').all(is_atom)
}

/// RFC 5322 §3.2.3 `atom`, with RFC 6532's letters.
fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|char| {
            if char.is_ascii() {
                char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char)
            } else {
                !char.is_control() && !char.is_whitespace() && !is_invisible(char)
            }
        })
}

/// No provider in use tells letter case or composition in the local part apart, and a person does not either.
fn canonical_local(local: &str) -> String {
    fold(&local.nfkc().collect::<String>()).nfkc().collect()
}

/// Unicode's full case folding: lower case alone would keep `ß` from `SS` and a final `ς` from `Σ`. The dotless `ı`
/// stays a letter of its own, as it is there: whoever has that mailbox is not who has the one with an `i`.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for char in text.chars() {
        if char == '\u{131}' {
            folded.push(char);
        } else {
            folded.extend(char.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase));
        }
    }
    folded
}

/// The domain's ASCII form, so that its Unicode and its `xn--` form are one.
fn canonical_domain(domain: &str) -> Result<String, EmailError> {
    // UTS #46 leaves invisible characters out in silence; of the two joiners it asks that their context needs them.
    if domain.chars().any(|char| is_invisible(char) && !matches!(char, '\u{200c}' | '\u{200d}')) {
        return Err(EmailError);
    }
    // Names with hyphens in the third and fourth place exist (`c--n.com`); an `xn--` that is no Punycode is refused.
    let domain = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| EmailError)?;
    let labels = domain.split('.').count();
    let numeric = domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if labels < 2 || numeric { Err(EmailError) } else { Ok(domain.into_owned()) }
}
