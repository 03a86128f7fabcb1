//! The types of key pairs that sign.

use clap::ValueEnum;

use super::Algorithm;

/// What a key pair is. Each signs by one algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KeyType {
    /// Ed25519, for `EdDSA`.
    #[default]
    #[value(name = "eddsa")]
    Ed25519,
    /// On the curve P-256, for `ES256`.
    #[value(name = "es256")]
    P256,
    /// RSA of 2048 to 8192 bits with the exponent 65537, for `RS256`; new ones have 3072 bits.
    #[value(name = "rs256")]
    Rsa,
}

impl KeyType {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Ed25519, Self::P256, Self::Rsa];

    /// The algorithm that keys of this type are for.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Ed25519 => Algorithm::EdDsa,
            Self::P256 => Algorithm::Es256,
            Self::Rsa => Algorithm::Rs256,
        }
    }
}
