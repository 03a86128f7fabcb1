//! Faults of TLS files.

use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be used for TLS. The text says what to do, and shows nothing of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {fault}", path.display())]
pub struct TlsFileError {
    path: PathBuf,
    fault: TlsFault,
}

/// The fault of a TLS file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The file cannot be read.
    #[error("cannot be read ({0})")]
    Unreadable(io::ErrorKind),
    /// The file has no certificate.
    #[error("has no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// The file has no private key.
    #[error("has no private key in PEM form (-----BEGIN PRIVATE KEY-----)")]
    NoKey,
    /// The private key is encrypted.
    #[error("has an encrypted private key: decrypt it with `openssl pkey`, and protect it by its mode")]
    EncryptedKey,
    /// The PEM form is broken.
    #[error("is broken PEM: write it again")]
    BrokenPem,
    /// A certificate cannot be read.
    #[error("has a certificate that cannot be read")]
    BrokenCertificate,
    /// The file has no revocation list.
    #[error("has no revocation list in PEM form (-----BEGIN X509 CRL-----)")]
    NoRevocationList,
    /// A revocation list cannot be read.
    #[error("has a revocation list that cannot be read")]
    BrokenRevocationList,
    /// The certificate has expired.
    #[error("has expired on {0}: renew it")]
    Expired(String),
    /// The certificate is not valid yet.
    #[error("is not valid before {0}: compare the clocks")]
    NotYetValid(String),
    /// The private key belongs to another certificate.
    #[error("has a key that does not match the certificate in {}", .0.display())]
    OtherKey(PathBuf),
    /// The private key cannot be used.
    #[error("has a private key that TLS cannot use: take ECDSA P-256, Ed25519, or RSA of at least 2048 bits")]
    UnusableKey,
    /// Users other than the owner can read the private key.
    #[error("has a private key that other users can read: chmod go= it, or give it to a group of the service")]
    Exposed,
}

impl TlsFileError {
    /// Creates the error of this file.
    pub fn new(path: &Path, fault: TlsFault) -> Self {
        Self { path: path.to_owned(), fault }
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the fault.
    pub fn fault(&self) -> &TlsFault {
        &self.fault
    }
}
