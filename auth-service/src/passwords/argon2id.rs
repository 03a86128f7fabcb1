//! Argon2id (RFC 9106) with a buffer that the caller keeps.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;

/// Memory in KiB, passes and lanes: OWASP's minimum for Argon2id (C49).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Length of a hash, in bytes.
const HASH_BYTES: usize = 32;

/// Error of a stored hash that this version cannot read, or of a machine with too little memory for it.
#[derive(Debug, thiserror::Error)]
#[error("the stored password hash cannot be computed")]
pub struct Unreadable;

/// Minimum size of a buffer, in blocks of 1 KiB; only used blocks are resident. From 32 MiB up, glibc gives each
/// allocation its own mapping, which is returned to the system when freed (mallopt(3), `M_MMAP_THRESHOLD`). A smaller
/// allocation can stay with the process forever.
const MIN_BUFFER_BLOCKS: usize = 33 * 1024;

/// Memory for one hash at a time; costs nothing until it is used.
#[derive(Default)]
pub(super) struct Buffer(Vec<Block>);

impl Buffer {
    #[cfg(test)]
    pub(super) fn is_untouched(&self) -> bool {
        self.0.is_empty()
    }

    fn blocks(&mut self, count: usize) -> &mut [Block] {
        self.0.reserve_exact(MIN_BUFFER_BLOCKS.max(count).saturating_sub(self.0.len()));
        self.0.resize(count.max(self.0.len()), Block::default());
        &mut self.0
    }
}

fn params() -> Result<Params, Unreadable> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).map_err(|_| Unreadable)
}

/// Returns the PHC string of a password with a new salt.
pub(super) fn hash(password: &[u8], buffer: &mut Buffer) -> Result<String, Unreadable> {
    let params = params()?;
    let salt = Salt::generate();
    let output = compute(password, salt.as_ref(), &params, buffer)?;
    let phc = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|_| Unreadable)?,
        salt: Some(salt),
        hash: Some(Output::new(&output).map_err(|_| Unreadable)?),
    };
    Ok(phc.to_string())
}

/// Returns true if the password matches the PHC string.
pub(super) fn verify(password: &[u8], phc: &str, buffer: &mut Buffer) -> Result<bool, Unreadable> {
    let phc = PasswordHash::new(phc).map_err(|_| Unreadable)?;
    let (Some(salt), Some(expected)) = (&phc.salt, &phc.hash) else { return Err(Unreadable) };
    if phc.algorithm != ARGON2ID_IDENT {
        return Err(Unreadable);
    }
    let params = Params::try_from(&phc).map_err(|_| Unreadable)?;
    let output = compute(password, salt.as_ref(), &params, buffer)?;
    Ok(output.as_slice().ct_eq(expected.as_bytes()).into())
}

fn compute(password: &[u8], salt: &[u8], params: &Params, buffer: &mut Buffer) -> Result<[u8; HASH_BYTES], Unreadable> {
    let mut output = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, &mut output, buffer.blocks(params.block_count()))
        .map_err(|_| Unreadable)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C49: hashes are salted and carry their parameters.
    #[test]
    fn hashes_have_salt_and_parameters() {
        let mut buffer = Buffer::default();
        let (one, other) = (hash(b"password", &mut buffer).unwrap(), hash(b"password", &mut buffer).unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(verify(b"password", &one, &mut buffer).unwrap());
        assert!(!verify(b"passwore", &one, &mut buffer).unwrap());
        assert!(!verify(b"", &one, &mut buffer).unwrap());
        assert!(verify(b"password", "no hash", &mut buffer).is_err());
    }
}
