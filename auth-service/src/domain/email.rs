//! Email addresses: stored as given, compared by their canonical form.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization as _;

use kit::characters::is_invisible;

/// Longest address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_BYTES: usize = 254;

/// Longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;

/// An email address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    given: String,
    key: String,
}

/// Error for a text that is not an email address of the form `local@domain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Email::RULE)]
pub struct EmailError;

impl Email {
    /// Rule for email addresses, as callers see it.
    pub const RULE: &'static str = "must be an email address such as ada@example.com, at most 254 bytes long";

    /// Parses an address of the form `local@domain`.
    ///
    /// The local part consists of RFC 5322 dot-atoms, in Unicode as in RFC 6532. Quoted local parts, comments, address
    /// literals and invisible characters are refused. The domain has at least two labels, and the last label is not a
    /// number. The domain is processed by UTS #46 (nontransitional). No DNS lookup is made.
    ///
    /// Tested against the 164 addresses of isemail 3.05: accepts those that are valid or fail only in DNS, except
    /// `test@io`, and refuses all others.
    ///
    /// # Errors
    /// Fails if the text is not an address, or if the text or its canonical form is too long.
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
        // Compatibility forms can hide dots, blanks and at signs, and some expand to eighteen characters.
        if !is_local(&local) || key.len() > MAX_BYTES {
            return Err(EmailError);
        }
        Ok(Self { given: text.to_owned(), key })
    }

    /// Returns the address as given.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// Returns the canonical form. Two addresses with the same canonical form are the same address.
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn is_local(text: &str) -> bool {
    text.len() <= MAX_LOCAL_BYTES && text.split('.').all(is_atom)
}

/// Returns true for an RFC 5322 §3.2.3 `atom`, with the letters of RFC 6532.
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

/// Normalizes the letter case and the Unicode composition of a local part. No provider in use distinguishes them.
fn canonical_local(local: &str) -> String {
    fold(&local.nfkc().collect::<String>()).nfkc().collect()
}

/// Applies Unicode's full case folding: lower case alone would distinguish `ß` from `SS` and a final `ς` from `Σ`. The
/// dotless `ı` stays distinct from `i`, as in Unicode: the two mailboxes may have different owners.
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

/// Returns the domain's ASCII form, so that its Unicode and its `xn--` form are equal.
fn canonical_domain(domain: &str) -> Result<String, EmailError> {
    // UTS #46 drops invisible characters silently, except the two joiners: it checks their context.
    if domain.chars().any(|char| is_invisible(char) && !matches!(char, '\u{200c}' | '\u{200d}')) {
        return Err(EmailError);
    }
    // Names with hyphens in the third and fourth place exist (`c--n.com`). An `xn--` label that is not Punycode is
    // refused.
    let domain = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| EmailError)?;
    let labels = domain.split('.').count();
    let numeric = domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if labels < 2 || numeric { Err(EmailError) } else { Ok(domain.into_owned()) }
}
