//! Signed envelope: the compact serialization (RFC 7515 §7.1). The reader accepts only what the writer writes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::keys::model::{Key, KeySet, VerifyingKey, object};

/// Longest accepted token, in bytes (C15).
const MAX_BYTES: usize = 4096;

/// JOSE header. A parameter that this service never writes is refused: `crit`, `b64`, `jku`, `jwk`, `x5u`, `x5c` and
/// others make verifiers do things that this one never does (C3, C5).
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// Type of the token; absent in a bare JWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// JOSE name of the algorithm.
    pub alg: String,
    /// Id of the signing key; optional in a bare JWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

/// Header and payload with a valid signature. Only `open` makes such a value.
pub(super) struct Verified<'a> {
    pub header: Header,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
    pub key: &'a VerifyingKey,
}

/// Parts of a token with a valid form and an unchecked signature.
pub(super) struct Unsigned {
    pub header: Header,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Signs a payload.
pub(super) fn sign(key: &Key, typ: &str, payload: &impl Serialize) -> Result<String, SignError> {
    let header =
        Header { typ: Some(typ.to_owned()), alg: key.algorithm().name().to_owned(), kid: Some(key.id().to_owned()) };
    let message = format!("{}.{}", part(&header)?, part(payload)?);
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{signature}"))
}

/// Failure to sign a token.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// This process cannot open the current signing key.
    #[error("this process cannot open the current signing key")]
    NoKey,
    /// The claims have no JSON form.
    #[error("the claims have no JSON form")]
    Json(#[from] serde_json::Error),
    /// The library failed.
    #[error("the cryptographic library failed to sign")]
    Key(#[from] jsonwebtoken::errors::Error),
}

fn part(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(value)?))
}

/// Opens a token: its form, its header, its key, its signature. Returns `None` if any of them is wrong.
pub(super) fn open<'a>(token: &str, keys: &'a KeySet) -> Option<Verified<'a>> {
    let header = header(token)?;
    let (message, signature) = token.rsplit_once('.')?;
    let (_, payload) = message.split_once('.')?;
    // C14: the decoder accepts neither padding nor other characters nor stray bits, and no segment contains a dot.
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let bytes = URL_SAFE_NO_PAD.decode(signature).ok().filter(|bytes| !bytes.is_empty())?;
    let key = match &header.kid {
        Some(id) => keys.find(id),
        None => keys.only(),
    }?;
    // C1, C2: the key determines the algorithm, and the header must agree.
    if header.alg != key.algorithm().name() {
        return None;
    }
    key.verifies(message.as_bytes(), signature).then_some(Verified { header, payload, signature: bytes, key })
}

/// Splits a token without a key: only its form is checked.
pub(super) fn unsigned(token: &str) -> Option<Unsigned> {
    let header = header(token)?;
    let (_, rest) = token.split_once('.')?;
    let (payload, signature) = rest.split_once('.')?;
    let decode = |part| URL_SAFE_NO_PAD.decode(part).ok();
    Some(Unsigned { header, payload: decode(payload)?, signature: decode(signature)? })
}

/// Reads the unverified header of a token.
pub(super) fn header(token: &str) -> Option<Header> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let (header, _) = token.split_once('.')?;
    object(&URL_SAFE_NO_PAD.decode(header).ok()?)
}
