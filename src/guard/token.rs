//! Tokens in request headers. They are never shown and are compared by digest.

use std::fmt;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::TokenHeader::{ApiToken, Authorization};
use super::{CallParts, HeaderFault, Rejection, TokenFormFault, TokenHeader};

/// Maximum length of a token in bytes.
const MAX_TOKEN_BYTES: usize = 4096;

// Header names, parsed once and not per call.
static API_TOKEN: HeaderName = HeaderName::from_static("api-token");
static API_TOKEN_BIN: HeaderName = HeaderName::from_static("api-token-bin");
static AUTHORIZATION: HeaderName = http::header::AUTHORIZATION;
static AUTHORIZATION_BIN: HeaderName = HeaderName::from_static("authorization-bin");

/// A token as sent: 1 to 4096 bytes of visible ASCII. `Debug` does not show them.
///
/// A call's token shares the memory of the header. Clones copy nothing.
#[derive(Clone)]
pub struct Token {
    header: HeaderValue,
    /// The index of the token's first byte in the header.
    start: usize,
    /// The SHA-256, once computed. Clones include it.
    digest: OnceLock<TokenDigest>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Token {}

/// The SHA-256 of a token, which stands for it in comparisons, caches and storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Returns the 32 bytes of the digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Token {
    /// Parses a token: 1 to 4096 bytes of visible ASCII.
    ///
    /// # Errors
    /// [`TokenFormFault`] says why the text is not a token.
    pub fn parse(text: &str) -> Result<Self, TokenFormFault> {
        let fault = || ApiToken.fault_of(text.as_bytes(), MAX_TOKEN_BYTES).fault;
        HeaderValue::from_str(text).ok().and_then(|header| Self::from_header(header, 0)).ok_or_else(fault)
    }

    /// Finds the token of a call in the metadata `api-token`, or `authorization: Bearer`. Takes requests of tonic and
    /// of the crate `http`, with or without a guard.
    ///
    /// # Errors
    /// Fails as [`Token::from_headers`] does.
    pub fn from_request<R: CallParts>(request: &R) -> Result<Self, Rejection> {
        Self::from_headers(request.headers())
    }

    /// Takes the rest of a header from `start` as a token; `None` if it is not a valid one.
    fn from_header(mut header: HeaderValue, start: usize) -> Option<Self> {
        let token = header.as_bytes().get(start..)?;
        // No early exit: the compiler then checks many bytes at once.
        let is_visible = |token: &[u8]| token.iter().fold(true, |visible, byte| visible & byte.is_ascii_graphic());
        let is_plausible = (1..=MAX_TOKEN_BYTES).contains(&token.len()) && is_visible(token);
        header.set_sensitive(true);
        is_plausible.then_some(Self { header, start, digest: OnceLock::new() })
    }

    fn as_bytes(&self) -> &[u8] {
        self.header.as_bytes().get(self.start..).unwrap_or_default()
    }

    /// Creates a test token from a number.
    #[cfg(feature = "testing")]
    pub(crate) fn numbered(number: usize, random: u64) -> Self {
        let text = format!("test-token-{number}-{random:016x}");
        Self::parse(&text).unwrap_or(Self { header: HeaderValue::from(random), start: 0, digest: OnceLock::new() })
    }

    /// Returns the token's text, for example to forward it.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Adds the token to a call as `api-token`. The value is marked sensitive, so header logs do not show it.
    pub(crate) fn send_in(&self, headers: &mut HeaderMap) {
        let value = if self.start == 0 { Ok(self.header.clone()) } else { HeaderValue::from_bytes(self.as_bytes()) };
        // Visible ASCII is always a valid header value.
        if let Ok(mut value) = value {
            value.set_sensitive(true);
            headers.insert(&API_TOKEN, value);
        }
    }

    /// Returns the token's SHA-256. The first call computes it.
    pub fn digest(&self) -> TokenDigest {
        *self.digest.get_or_init(|| TokenDigest(Sha256::digest(self.as_bytes()).into()))
    }

    #[cfg(test)]
    pub(super) fn has_digest(&self) -> bool {
        self.digest.get().is_some()
    }

    /// Finds the token in the headers of a call, as [`Token::from_request`] does.
    ///
    /// # Errors
    /// [`Rejection::Header`] names the header and its fault. The reason is `TOKEN_MISSING` if the token is absent or
    /// empty. The reason is `TOKEN_INVALID` if a header has two values, the two headers disagree, a header is binary,
    /// or the value is not a token.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, Rejection> {
        Self::find(headers).map_err(Rejection::Header)
    }

    fn find(headers: &HeaderMap) -> Result<Self, HeaderFault> {
        for (binary, header) in [(&API_TOKEN_BIN, ApiToken), (&AUTHORIZATION_BIN, Authorization)] {
            if headers.contains_key(binary) {
                return Err(header.with_fault(TokenFormFault::Binary));
            }
        }
        let plain = only(headers, ApiToken)?;
        let authorization = only(headers, Authorization)?;
        let bearer = authorization.and_then(|value| bearer(value.as_bytes()).map(|start| (value, start)));
        let differ = |(one, at): (&HeaderValue, usize), (other, start): (&HeaderValue, usize)| {
            one.as_bytes().get(at..) != other.as_bytes().get(start..)
        };
        let (header, value, start) = match (plain.map(|plain| (plain, 0)), bearer) {
            (Some(plain), Some(bearer)) if differ(plain, bearer) => {
                return Err(ApiToken.with_fault(TokenFormFault::TwoTokens));
            }
            (Some((value, start)), _) => (ApiToken, value, start),
            (None, Some((value, start))) => (Authorization, value, start),
            (None, None) if authorization.is_some() => {
                return Err(Authorization.with_fault(TokenFormFault::BearerPrefix));
            }
            (None, None) => return Err(ApiToken.with_fault(TokenFormFault::Missing)),
        };
        let fault = || header.fault_of(value.as_bytes().get(start..).unwrap_or_default(), MAX_TOKEN_BYTES);
        Self::from_header(value.clone(), start).ok_or_else(fault)
    }
}

/// Marks the values of all token headers as sensitive, so that header logs do not show them.
pub(super) fn hide(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if [&API_TOKEN, &API_TOKEN_BIN, &AUTHORIZATION, &AUTHORIZATION_BIN].contains(&name) {
            value.set_sensitive(true);
        }
    }
}

/// Returns the only value of a header. Two equal values are an error too: another reader may pick the other one.
fn only(headers: &HeaderMap, header: TokenHeader) -> Result<Option<&HeaderValue>, HeaderFault> {
    let name = match header {
        ApiToken => &API_TOKEN,
        Authorization => &AUTHORIZATION,
    };
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(header.with_fault(TokenFormFault::TwoValues)) } else { Ok(first) }
}

/// Returns the index of the `Bearer` credentials; `None` for other schemes. Case does not count (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<usize> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"bearer") || rest.first().is_some_and(|byte| *byte != b' ') {
        return None;
    }
    Some(value.len() - rest.trim_ascii_start().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pairs: &[(&'static str, &[u8])]) -> Result<String, HeaderFault> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Token::find(&headers).map(|token| token.expose().to_owned())
    }

    #[test]
    fn either_header_carries_the_token() {
        assert_eq!(find(&[("api-token", b"a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(find(&[("authorization", b"Bearer a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(find(&[("authorization", b"bEARER   a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(find(&[("api-token", b"a.b.c"), ("authorization", b"Bearer a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(find(&[("api-token", b"a.b.c"), ("authorization", b"Basic eA==")]), Ok("a.b.c".into()));
    }

    #[test]
    fn malformed_text_has_its_fault_and_debug_is_redacted() {
        for (text, fault) in [
            ("", TokenFormFault::Empty),
            ("Bearer abc", TokenFormFault::BearerPrefix),
            ("a b", TokenFormFault::Malformed),
            ("a\nb", TokenFormFault::Malformed),
            ("é", TokenFormFault::NotAscii),
            (&"a".repeat(4097), TokenFormFault::TooLong),
        ] {
            assert_eq!(Token::parse(text), Err(fault), "{text}");
        }
        assert_eq!(format!("{:?}", Token::parse("canary").unwrap()), "Token([redacted])");
    }

    #[test]
    fn token_of_either_header_is_sent_as_api_token() {
        for (name, value) in [("api-token", "a.b.c"), ("authorization", "Bearer a.b.c")] {
            let came = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            let mut sent = HeaderMap::new();
            Token::from_headers(&came).unwrap().send_in(&mut sent);
            assert_eq!(sent[&API_TOKEN], "a.b.c", "{name}");
            assert!(sent[&API_TOKEN].is_sensitive());
        }
    }

    /// C22: a call without a token has the reason `TOKEN_MISSING`.
    #[test]
    fn absent_or_empty_token_is_missing() {
        for (pairs, header, fault) in [
            (&[][..], ApiToken, TokenFormFault::Missing),
            (&[("api-token", &b""[..])], ApiToken, TokenFormFault::Empty),
            (&[("authorization", b"Bearer")], Authorization, TokenFormFault::Empty),
            (&[("authorization", b"Bearer  ")], Authorization, TokenFormFault::Empty),
            (&[("authorization", b"Basic eA==")], Authorization, TokenFormFault::BearerPrefix),
            (&[("authorization", b"a.b.c")], Authorization, TokenFormFault::BearerPrefix),
        ] {
            let found = find(pairs).unwrap_err();
            assert_eq!(found, header.with_fault(fault));
            assert!(found.is_missing(), "{found:?}");
        }
    }

    /// C22: an ambiguous or malformed token has the reason `TOKEN_INVALID`.
    #[test]
    fn ambiguous_or_malformed_token_is_invalid() {
        for (pairs, header, fault) in [
            (&[("api-token", &b"a"[..]), ("api-token", b"a")][..], ApiToken, TokenFormFault::TwoValues),
            (&[("api-token", b"a"), ("authorization", b"Bearer b")], ApiToken, TokenFormFault::TwoTokens),
            (
                &[("authorization", b"Bearer a"), ("authorization", b"Bearer a")],
                Authorization,
                TokenFormFault::TwoValues,
            ),
            (&[("api-token-bin", b"YQ"), ("api-token", b"a")], ApiToken, TokenFormFault::Binary),
            (&[("api-token", "é".as_bytes())], ApiToken, TokenFormFault::NotAscii),
            (&[("api-token", b"a b")], ApiToken, TokenFormFault::Malformed),
            (&[("api-token", b"Bearer a.b.c")], ApiToken, TokenFormFault::BearerPrefix),
            (&[("authorization", b"Bearer Bearer a")], Authorization, TokenFormFault::Malformed),
            (&[("api-token", &[b'a'; 4097])], ApiToken, TokenFormFault::TooLong),
        ] {
            let found = find(pairs).unwrap_err();
            assert_eq!(found, header.with_fault(fault));
            assert!(!found.is_missing(), "{found:?}");
        }
        assert_eq!(find(&[("api-token", &[b'a'; 4096])]), Ok("a".repeat(4096)));
    }
}
