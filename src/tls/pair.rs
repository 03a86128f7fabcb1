//! A certificate with its private key.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};

use super::certificate::CertificateFacts;
use super::pem::PemFile;
use super::{TlsFault, TlsFileError, provider};

/// A certificate chain with the private key of its first certificate.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Chain and key, for rustls.
    pub certified: Arc<CertifiedKey>,
    /// End of the first certificate's validity.
    pub expire_time: SystemTime,
}

impl KeyPair {
    /// Reads a pair that is valid at this time since 1970.
    ///
    /// # Errors
    /// Fails if a file has a fault, the key does not match, or the certificate is not valid now.
    pub fn read(certificate: &PemFile, key: &PemFile, now: Duration) -> Result<Self, TlsFileError> {
        let chain = certificate.certificates()?;
        let facts = chain.first().and_then(|first| CertificateFacts::read(first));
        let facts = facts.ok_or_else(|| certificate.fault(TlsFault::BrokenCertificate))?;
        facts.check(now).map_err(|fault| certificate.fault(fault))?;
        let certified =
            CertifiedKey::from_der(chain, key.private_key()?, &provider()).map_err(|error| match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    key.fault(TlsFault::OtherKey(certificate.path().to_owned()))
                }
                Error::InvalidCertificate(_) => certificate.fault(TlsFault::BrokenCertificate),
                _ => key.fault(TlsFault::UnusableKey),
            })?;
        Ok(Self { certified: Arc::new(certified), expire_time: facts.expire_time() })
    }
}
