//! The algorithms that a key may be for; a name that is not here verifies nothing (C1).

use super::low_s;

/// A signature algorithm of RFC 7518 §3.1 or RFC 8037 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// The algorithm of this JOSE name, which has a case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The JOSE name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Tells whether these bytes can be a signature that a key pair writes by the algorithm of this name.
    pub(crate) fn can_write(name: &str, signature: &[u8]) -> bool {
        match Self::named(name) {
            Some(Self::EdDsa) => signature.len() == 64,
            Some(Self::Es256) => signature.len() == 64 && low_s::is_low(signature),
            // Keys of 2048 to 8192 bits.
            Some(Self::Rs256) => (256..=1024).contains(&signature.len()),
            // A secret is no pair, and lies in no database.
            Some(Self::Hs256) | None => false,
        }
    }

    pub(super) fn computed_as(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_only_the_exact_names_are_known() {
        for name in ["HS256", "EdDSA", "ES256", "RS256"] {
            assert_eq!(Algorithm::named(name).unwrap().name(), name);
        }
        for name in
            ["", "none", "nOnE", "hs256", "HS256 ", "HS384", "RS384", "RS512", "PS256", "ES384", "ES256K", "Ed25519"]
        {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }
}
