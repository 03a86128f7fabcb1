//! Inspection of a token without its key, for an operator: each rule by itself, with the reason of a refusal.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::issue::ACCESS_TOKEN;
use super::jws::Header;
use super::verify::{LEEWAY, is_key_id};
use super::{ApiKeySecretText, Claims, RefreshToken, ResetCode, TokenFault};
use crate::keys::model::{Algorithm, object};

/// Longest lifetime of an access token that a setting allows.
const MAX_LIFETIME: Duration = Duration::from_hours(24);

/// Text that is presented as a token, by its form.
#[derive(Debug)]
pub(crate) enum Presented {
    /// JWT with a header and claims.
    Jwt(UnverifiedJwt),
    /// Refresh token.
    Refresh,
    /// One-time code of a password reset.
    ResetCode,
    /// Secret of an API key.
    ApiKey,
    /// Text that begins like the secret of an API key, but has another form or a wrong checksum.
    BrokenApiKey,
    /// Text without a known form, such as a service key.
    Opaque,
    /// JWT with a broken part.
    Broken(&'static str),
}

/// JWT whose signature is not checked.
#[derive(Debug)]
pub(crate) struct UnverifiedJwt {
    header: Vec<u8>,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

/// Values that a guard and its auth service expect in a token; `None` for an unknown one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectations {
    /// Issuer.
    pub issuer: Option<String>,
    /// Audience of the guard.
    pub audience: Option<String>,
}

/// Result of one rule.
#[derive(Debug)]
pub(crate) struct TokenCheck {
    /// Name of the rule.
    pub name: &'static str,
    /// Description of the good value, or the reason to refuse the token; `None` without the expected value.
    pub result: Option<Result<String, String>>,
}

impl Presented {
    /// Reads a text of visible ASCII.
    pub(crate) fn read(text: &str) -> Self {
        if RefreshToken::parse(text).is_some() {
            return Self::Refresh;
        }
        if ResetCode::parse(text).is_some() {
            return Self::ResetCode;
        }
        if text.starts_with(ApiKeySecretText::PREFIX) {
            return if ApiKeySecretText::key_id(text).is_some() { Self::ApiKey } else { Self::BrokenApiKey };
        }
        let parts: Vec<&str> = text.split('.').collect();
        let Some(header) = parts.first().and_then(|part| json_bytes(part)).filter(|_| parts.len() > 1) else {
            return if text.starts_with("eyJ") {
                Self::Broken("its first part is not a JSON object in base64url, or it has no other part")
            } else {
                Self::Opaque
            };
        };
        let [_, claims, signature] = parts.as_slice() else {
            return Self::Broken("it must have three parts, separated by dots");
        };
        let Some(claims) = json_bytes(claims) else {
            return Self::Broken("its second part is not a JSON object in base64url");
        };
        match URL_SAFE_NO_PAD.decode(signature) {
            Ok(signature) if !signature.is_empty() => Self::Jwt(UnverifiedJwt { header, claims, signature }),
            Ok(_) => Self::Broken("it has no signature"),
            Err(_) => Self::Broken("its third part, the signature, is not base64url without padding"),
        }
    }
}

impl UnverifiedJwt {
    /// Returns the parameters of the header.
    pub(crate) fn header(&self) -> Map<String, Value> {
        object(&self.header).unwrap_or_default()
    }

    /// Returns the claims.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        object(&self.claims).unwrap_or_default()
    }

    /// Checks all rules that need no key, in the order of the verifier.
    pub(crate) fn check(&self, expected: &Expectations, now: DateTime<Utc>) -> Vec<TokenCheck> {
        // Parses the text itself: a map would hide a parameter that occurs twice.
        let header = serde_json::from_slice::<Header>(&self.header);
        let claims = serde_json::from_slice::<Claims>(&self.claims);
        let mut checks = match header {
            Ok(header) => self.check_header(&header),
            Err(error) => vec![TokenCheck::refused("header", format!("{error}: this service writes no such header"))],
        };
        match claims {
            Ok(claims) => checks.extend(check_claims(&claims, expected, now)),
            Err(error) => {
                checks.push(TokenCheck::refused("claims", format!("{error}: this service writes no such claims")));
            }
        }
        checks
    }

    fn check_header(&self, header: &Header) -> Vec<TokenCheck> {
        let typ = match header.typ.as_deref() {
            Some(ACCESS_TOKEN) => Ok(ACCESS_TOKEN.to_owned()),
            Some(_) => Err(format!("the header's typ must be {ACCESS_TOKEN}: it is a token for another use")),
            None => Err(format!("the header has no typ, which must be {ACCESS_TOKEN}")),
        };
        let key_id = match header.kid.as_deref() {
            Some(id) if is_key_id(id) && !id.is_empty() => Ok(id.to_owned()),
            Some(_) => Err("the header's kid must be 1 to 64 of A-Z, a-z, 0-9, _ and -".to_owned()),
            None => Err("the header has no kid, which names the signing key".to_owned()),
        };
        let algorithm = match Algorithm::from_name(&header.alg) {
            Some(algorithm) if !algorithm.has_length_of(&self.signature) => {
                Err(format!("the signature's {} bytes cannot be one of {}", self.signature.len(), header.alg))
            }
            Some(algorithm) if !algorithm.is_canonical(&self.signature) => {
                Err("the signature does not have the form that this service writes: it was changed".to_owned())
            }
            Some(algorithm) => Ok(algorithm.name().to_owned()),
            None => Err(format!("the header's alg must be one of {}", Algorithm::ALL.map(Algorithm::name).join(", "))),
        };
        vec![
            TokenCheck { name: "type", result: Some(typ) },
            TokenCheck { name: "key id", result: Some(key_id) },
            TokenCheck { name: "algorithm", result: Some(algorithm) },
        ]
    }
}

/// Checks the claims, which have the right names and types.
fn check_claims(claims: &Claims, expected: &Expectations, now: DateTime<Utc>) -> Vec<TokenCheck> {
    let issuer = expected.issuer.as_ref().map(|issuer| match &claims.iss {
        iss if iss == issuer => Ok(iss.clone()),
        iss => Err(format!("the issuer is {iss:?}, not {issuer:?}")),
    });
    let audiences = claims.aud.list();
    let audience = if audiences.is_empty() {
        Some(Err("aud must be one text, or a list of at least two".to_owned()))
    } else {
        expected.audience.as_ref().map(|audience| {
            let is_named = audiences.contains(audience).then(|| audience.clone());
            is_named.ok_or_else(|| format!("the token is for {}, not for {audience:?}", audiences.join(", ")))
        })
    };
    let lifetime = claims.have_lifetime(MAX_LIFETIME).then(|| format!("{} s", claims.exp - claims.iat));
    let lifetime = lifetime.ok_or_else(|| "exp must be at most a day after iat, and not before it".to_owned());
    let live = claims.are_live_at(now, now + LEEWAY);
    let start = match live {
        Err(TokenFault::Invalid) => Err("iat or nbf is in the future: compare this machine's clock".to_owned()),
        Ok(()) | Err(TokenFault::Expired) => Ok("has begun".to_owned()),
    };
    let expiry = (now.timestamp() < claims.exp).then(|| "has not expired".to_owned());
    let expiry = expiry.ok_or_else(|| "has expired: get a new token with RefreshToken, or log in".to_owned());
    vec![
        TokenCheck { name: "issuer", result: issuer },
        TokenCheck { name: "audience", result: audience },
        TokenCheck { name: "lifetime", result: Some(lifetime) },
        TokenCheck { name: "start", result: Some(start) },
        TokenCheck { name: "expiry", result: Some(expiry) },
    ]
}

impl TokenCheck {
    fn refused(name: &'static str, reason: String) -> Self {
        Self { name, result: Some(Err(reason)) }
    }
}

/// Decodes a part that holds a JSON object.
fn json_bytes(part: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    object::<Map<String, Value>>(&bytes).is_some().then_some(bytes)
}
