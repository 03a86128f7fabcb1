//! The token as it arrives: found in the metadata, never shown, compared by its digest.

use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::{Denial, Refusal};

/// The longest token that is looked at, in bytes.
const MAX_BYTES: usize = 4096;

const API_TOKEN: &str = "api-token";
const AUTHORIZATION: &str = "authorization";

/// A token as its bearer sent it: at most 4 KiB of visible ASCII. It has neither `Debug` nor `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The SHA-256 of a token: what is compared, cached and stored in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Token {
    /// The token, if it can be one: 1 to 4096 bytes of visible ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let plausible = !text.is_empty() && text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        plausible.then(|| Self(text.to_owned()))
    }

    /// The token's text, to hand it on.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The token's SHA-256.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The token of a call: the metadata `api-token`, or `authorization: Bearer`.
    ///
    /// # Errors
    /// [`Refusal::TokenMissing`] when there is none or it is empty; [`Denial::Invalid`] when one header has two values,
    /// the two headers disagree, a header is binary, or the value cannot be a token.
    pub fn of_call(headers: &HeaderMap) -> Result<Self, Refusal> {
        const INVALID: Refusal = Refusal::Token(Denial::Invalid);
        if headers.contains_key("api-token-bin") || headers.contains_key("authorization-bin") {
            return Err(INVALID);
        }
        let plain = only(headers, API_TOKEN).map_err(|_| INVALID)?;
        let bearer = match only(headers, AUTHORIZATION).map_err(|_| INVALID)? {
            Some(value) => bearer(value),
            None => None,
        };
        let value = match (plain, bearer) {
            (Some(plain), Some(bearer)) if plain != bearer => return Err(INVALID),
            (Some(value), _) | (None, Some(value)) => value,
            (None, None) => return Err(Refusal::TokenMissing),
        };
        if value.is_empty() {
            return Err(Refusal::TokenMissing);
        }
        std::str::from_utf8(value).ok().and_then(Self::parse).ok_or(INVALID)
    }
}

/// Marks every value of the headers that carry tokens, so that a log of the headers does not show them.
pub(super) fn hide(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        let name = name.as_str();
        if [API_TOKEN, AUTHORIZATION].contains(&name.strip_suffix("-bin").unwrap_or(name)) {
            value.set_sensitive(true);
        }
    }
}

struct TwoValues;

/// The one value of a header; two are an error even when they are equal, since who reads the other one may differ.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, TwoValues> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(HeaderValue::as_bytes);
    if values.next().is_some() { Err(TwoValues) } else { Ok(first) }
}

/// The credentials of the scheme `Bearer`, whose name has no case (RFC 9110 §11.1); another scheme is not for us.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"bearer") || rest.first().is_some_and(|byte| *byte != b' ') {
        return None;
    }
    Some(rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &[u8])]) -> Result<String, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Token::of_call(&headers).map(|token| token.expose().to_owned())
    }

    const INVALID: Result<String, Refusal> = Err(Refusal::Token(Denial::Invalid));
    const MISSING: Result<String, Refusal> = Err(Refusal::TokenMissing);

    #[test]
    fn either_header_carries_the_token() {
        assert_eq!(of(&[("api-token", b"a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("authorization", b"Bearer a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("authorization", b"bEARER   a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("api-token", b"a.b.c"), ("authorization", b"Bearer a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("api-token", b"a.b.c"), ("authorization", b"Basic eA==")]), Ok("a.b.c".into()));
    }

    #[test]
    fn c22_no_token_is_missing() {
        assert_eq!(of(&[]), MISSING);
        assert_eq!(of(&[("api-token", b"")]), MISSING);
        assert_eq!(of(&[("authorization", b"Bearer")]), MISSING);
        assert_eq!(of(&[("authorization", b"Bearer  ")]), MISSING);
        assert_eq!(of(&[("authorization", b"Basic eA==")]), MISSING);
    }

    #[test]
    fn c22_doubtful_tokens_are_invalid() {
        assert_eq!(of(&[("api-token", b"a"), ("api-token", b"a")]), INVALID);
        assert_eq!(of(&[("api-token", b"a"), ("authorization", b"Bearer b")]), INVALID);
        assert_eq!(of(&[("authorization", b"Bearer a"), ("authorization", b"Bearer a")]), INVALID);
        assert_eq!(of(&[("api-token-bin", b"YQ"), ("api-token", b"a")]), INVALID);
        assert_eq!(of(&[("api-token", "é".as_bytes())]), INVALID);
        assert_eq!(of(&[("api-token", b"a b")]), INVALID);
        assert_eq!(of(&[("api-token", &[b'a'; 4097])]), INVALID);
        assert_eq!(of(&[("api-token", &[b'a'; 4096])]), Ok("a".repeat(4096)));
    }
}
