//! The token as it arrives: found in the metadata, never shown, compared by its digest.

use std::fmt;
use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::TokenHeader::{ApiToken, Authorization};
use super::{CallParts, Fault, HeaderFault, Refusal, TokenHeader};

/// The longest token that is looked at, in bytes.
const MAX_BYTES: usize = 4096;

// Names that are parsed once, and not with each call.
static API_TOKEN: HeaderName = HeaderName::from_static("api-token");
static API_TOKEN_BIN: HeaderName = HeaderName::from_static("api-token-bin");
static AUTHORIZATION: HeaderName = http::header::AUTHORIZATION;
static AUTHORIZATION_BIN: HeaderName = HeaderName::from_static("authorization-bin");

/// A token as its bearer sent it: at most 4 KiB of visible ASCII. Its `Debug` shows no character of it.
///
/// That of a call is the header's own memory, and so is each clone: nothing is copied.
#[derive(Clone)]
pub struct Token {
    header: HeaderValue,
    /// Where in the header the token begins.
    start: usize,
    /// The SHA-256, once it was asked for: clones take it along.
    digest: OnceLock<Digest>,
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
    /// Reads a token: 1 to 4096 bytes of visible ASCII.
    ///
    /// # Errors
    /// Names the [`Fault`] of a text that cannot be a token.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fault = || ApiToken.fault_of(text.as_bytes(), MAX_BYTES).fault;
        HeaderValue::from_str(text).ok().and_then(|header| Self::within(header, 0)).ok_or_else(fault)
    }

    /// Finds the token of a call: the metadata `api-token`, or `authorization: Bearer`. The request is one of tonic or of
    /// the crate `http`, behind a guard or not.
    ///
    /// # Errors
    /// Fails as [`Token::of_headers`] does.
    pub fn of<R: CallParts>(request: &R) -> Result<Self, Refusal> {
        Self::of_headers(request.headers())
    }

    /// The rest of a header from there on.
    fn within(mut header: HeaderValue, start: usize) -> Option<Self> {
        let token = header.as_bytes().get(start..)?;
        // To the end even where one byte is wrong: the compiler takes many at once then.
        let is_visible = |token: &[u8]| token.iter().fold(true, |visible, byte| visible & byte.is_ascii_graphic());
        let is_plausible = (1..=MAX_BYTES).contains(&token.len()) && is_visible(token);
        header.set_sensitive(true);
        is_plausible.then_some(Self { header, start, digest: OnceLock::new() })
    }

    fn as_bytes(&self) -> &[u8] {
        self.header.as_bytes().get(self.start..).unwrap_or_default()
    }

    /// For tests: a token that means nothing.
    #[cfg(feature = "testing")]
    pub(crate) fn numbered(number: usize, random: u64) -> Self {
        let text = format!("test-token-{number}-{random:016x}");
        Self::parse(&text).unwrap_or(Self { header: HeaderValue::from(random), start: 0, digest: OnceLock::new() })
    }

    /// The token's text, to hand it on.
    pub fn expose(&self) -> &str {
        // All of it is ASCII.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Sends the token with a call, as its `api-token`, which no log of the headers shows.
    pub(crate) fn send_in(&self, headers: &mut HeaderMap) {
        let value = if self.start == 0 { Ok(self.header.clone()) } else { HeaderValue::from_bytes(self.as_bytes()) };
        // Visible ASCII can always be one.
        if let Ok(mut value) = value {
            value.set_sensitive(true);
            headers.insert(&API_TOKEN, value);
        }
    }

    /// Returns the token's SHA-256, which is computed once.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest(Sha256::digest(self.as_bytes()).into()))
    }

    /// Tells whether the digest is computed.
    #[cfg(test)]
    pub(super) fn has_digest(&self) -> bool {
        self.digest.get().is_some()
    }

    /// Finds the token in the headers of a call, as [`Token::of`] does.
    ///
    /// # Errors
    /// [`Refusal::Header`] names the header and its fault. Its reason is `TOKEN_MISSING` if there is no token or it is
    /// empty. It is `TOKEN_INVALID` if one header has two values, the two headers disagree, a header is binary, or the
    /// value cannot be a token.
    pub fn of_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        Self::find(headers).map_err(Refusal::Header)
    }

    fn find(headers: &HeaderMap) -> Result<Self, HeaderFault> {
        for (binary, header) in [(&API_TOKEN_BIN, ApiToken), (&AUTHORIZATION_BIN, Authorization)] {
            if headers.contains_key(binary) {
                return Err(header.has(Fault::Binary));
            }
        }
        let plain = only(headers, ApiToken)?;
        let authorization = only(headers, Authorization)?;
        let bearer = authorization.and_then(|value| bearer(value.as_bytes()).map(|start| (value, start)));
        let differ = |(one, at): (&HeaderValue, usize), (other, start): (&HeaderValue, usize)| {
            one.as_bytes().get(at..) != other.as_bytes().get(start..)
        };
        let (header, value, start) = match (plain.map(|plain| (plain, 0)), bearer) {
            (Some(plain), Some(bearer)) if differ(plain, bearer) => return Err(ApiToken.has(Fault::TwoTokens)),
            (Some((value, start)), _) => (ApiToken, value, start),
            (None, Some((value, start))) => (Authorization, value, start),
            (None, None) if authorization.is_some() => return Err(Authorization.has(Fault::BearerPrefix)),
            (None, None) => return Err(ApiToken.has(Fault::Missing)),
        };
        let fault = || header.fault_of(value.as_bytes().get(start..).unwrap_or_default(), MAX_BYTES);
        Self::within(value.clone(), start).ok_or_else(fault)
    }
}

/// Marks every value of the headers that carry tokens, so that a log of the headers does not show them.
pub(super) fn hide(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if [&API_TOKEN, &API_TOKEN_BIN, &AUTHORIZATION, &AUTHORIZATION_BIN].contains(&name) {
            value.set_sensitive(true);
        }
    }
}

/// Returns the one value of a header. Two are an error even when they are equal: another reader may take the other one.
fn only(headers: &HeaderMap, header: TokenHeader) -> Result<Option<&HeaderValue>, HeaderFault> {
    let name = match header {
        ApiToken => &API_TOKEN,
        Authorization => &AUTHORIZATION,
    };
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(header.has(Fault::TwoValues)) } else { Ok(first) }
}

/// Where the credentials of the scheme `Bearer` begin, whose name has no case (RFC 9110 §11.1); another scheme is not for us.
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

    fn of(pairs: &[(&'static str, &[u8])]) -> Result<String, HeaderFault> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Token::find(&headers).map(|token| token.expose().to_owned())
    }

    #[test]
    fn either_header_carries_the_token() {
        assert_eq!(of(&[("api-token", b"a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("authorization", b"Bearer a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("authorization", b"bEARER   a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("api-token", b"a.b.c"), ("authorization", b"Bearer a.b.c")]), Ok("a.b.c".into()));
        assert_eq!(of(&[("api-token", b"a.b.c"), ("authorization", b"Basic eA==")]), Ok("a.b.c".into()));
    }

    #[test]
    fn text_that_cannot_be_a_token_has_a_reason_and_debug_shows_nothing() {
        for (text, fault) in [
            ("", Fault::Empty),
            ("Bearer abc", Fault::BearerPrefix),
            ("a b", Fault::Malformed),
            ("a\nb", Fault::Malformed),
            ("é", Fault::NotAscii),
            (&"a".repeat(4097), Fault::TooLong),
        ] {
            assert_eq!(Token::parse(text), Err(fault), "{text}");
        }
        assert_eq!(format!("{:?}", Token::parse("canary").unwrap()), "Token([redacted])");
    }

    #[test]
    fn a_token_is_sent_on_as_the_api_token_whatever_header_it_came_in() {
        for (name, value) in [("api-token", "a.b.c"), ("authorization", "Bearer a.b.c")] {
            let came = HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            let mut sent = HeaderMap::new();
            Token::of_headers(&came).unwrap().send_in(&mut sent);
            assert_eq!(sent[&API_TOKEN], "a.b.c", "{name}");
            assert!(sent[&API_TOKEN].is_sensitive());
        }
    }

    #[test]
    fn c22_no_token_is_missing() {
        for (pairs, header, fault) in [
            (&[][..], ApiToken, Fault::Missing),
            (&[("api-token", &b""[..])], ApiToken, Fault::Empty),
            (&[("authorization", b"Bearer")], Authorization, Fault::Empty),
            (&[("authorization", b"Bearer  ")], Authorization, Fault::Empty),
            (&[("authorization", b"Basic eA==")], Authorization, Fault::BearerPrefix),
            (&[("authorization", b"a.b.c")], Authorization, Fault::BearerPrefix),
        ] {
            let found = of(pairs).unwrap_err();
            assert_eq!(found, header.has(fault));
            assert!(found.is_missing(), "{found:?}");
        }
    }

    #[test]
    fn c22_doubtful_tokens_are_invalid() {
        for (pairs, header, fault) in [
            (&[("api-token", &b"a"[..]), ("api-token", b"a")][..], ApiToken, Fault::TwoValues),
            (&[("api-token", b"a"), ("authorization", b"Bearer b")], ApiToken, Fault::TwoTokens),
            (&[("authorization", b"Bearer a"), ("authorization", b"Bearer a")], Authorization, Fault::TwoValues),
            (&[("api-token-bin", b"YQ"), ("api-token", b"a")], ApiToken, Fault::Binary),
            (&[("api-token", "é".as_bytes())], ApiToken, Fault::NotAscii),
            (&[("api-token", b"a b")], ApiToken, Fault::Malformed),
            (&[("api-token", b"Bearer a.b.c")], ApiToken, Fault::BearerPrefix),
            (&[("authorization", b"Bearer Bearer a")], Authorization, Fault::Malformed),
            (&[("api-token", &[b'a'; 4097])], ApiToken, Fault::TooLong),
        ] {
            let found = of(pairs).unwrap_err();
            assert_eq!(found, header.has(fault));
            assert!(!found.is_missing(), "{found:?}");
        }
        assert_eq!(of(&[("api-token", &[b'a'; 4096])]), Ok("a".repeat(4096)));
    }
}
