//! PEM files: certificates, private keys and authorities.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::{TlsFault, TlsFileError};

/// Maximum size of a file: a bundle of all public authorities has about 250 KB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Marks of encrypted keys, of PKCS#8 and of OpenSSL's older form.
const ENCRYPTED_MARKS: [&[u8]; 2] = [b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

/// A PEM file, read once.
pub struct PemFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for PemFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PemFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl PemFile {
    /// Reads a file. Blocks.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is larger than 4 MiB.
    pub fn read(path: &Path) -> Result<Self, TlsFileError> {
        let unreadable = |kind| TlsFileError::new(path, TlsFault::Unreadable(kind));
        let metadata = fs::metadata(path).map_err(|error| unreadable(error.kind()))?;
        // A pipe or a device would block or never end.
        if !metadata.is_file() {
            return Err(unreadable(std::io::ErrorKind::InvalidInput));
        }
        if metadata.len() > MAX_BYTES {
            return Err(unreadable(std::io::ErrorKind::FileTooLarge));
        }
        let bytes = fs::read(path).map_err(|error| unreadable(error.kind()))?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the contents.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the certificates, in the file's order.
    ///
    /// # Errors
    /// Fails if there is no certificate or the file is broken.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let all = all.map_err(|_| self.fault(TlsFault::BrokenPem))?;
        if all.is_empty() { Err(self.fault(TlsFault::NoCertificate)) } else { Ok(all) }
    }

    /// Returns the revocation lists, in the file's order.
    ///
    /// # Errors
    /// Fails if there is no list or the file is broken.
    pub fn revocation_lists(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsFileError> {
        let all: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&self.bytes).collect();
        let all = all.map_err(|_| self.fault(TlsFault::BrokenPem))?;
        if all.is_empty() { Err(self.fault(TlsFault::NoRevocationList)) } else { Ok(all) }
    }

    /// Returns the first private key.
    ///
    /// # Errors
    /// Fails if there is no key, it is encrypted, or the file is broken.
    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsFileError> {
        if ENCRYPTED_MARKS.iter().any(|mark| self.bytes.windows(mark.len()).any(|part| part == *mark)) {
            return Err(self.fault(TlsFault::EncryptedKey));
        }
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| {
            self.fault(if matches!(error, pem::Error::NoItemsFound) { TlsFault::NoKey } else { TlsFault::BrokenPem })
        })
    }

    /// Returns the certificates as authorities.
    ///
    /// # Errors
    /// Fails as [`certificates`](Self::certificates) does, and for a malformed certificate.
    pub fn authorities(&self) -> Result<Arc<RootCertStore>, TlsFileError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|_| self.fault(TlsFault::BrokenCertificate))?;
        }
        Ok(Arc::new(roots))
    }

    /// Returns the error of this file.
    pub(super) fn fault(&self, fault: TlsFault) -> TlsFileError {
        TlsFileError::new(&self.path, fault)
    }
}
