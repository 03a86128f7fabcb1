//! The facts of a certificate that rustls does not expose: its validity and its names.

use std::time::{Duration, SystemTime};

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use super::TlsFault;
use crate::{CertificateName, PeerCertificate};

/// The validity and the names of a certificate.
#[derive(Clone, Debug)]
pub struct CertificateFacts {
    not_before: Time,
    not_after: Time,
    names: Vec<CertificateName>,
}

impl CertificateFacts {
    /// Reads a certificate; `None` if it is malformed. A malformed name counts as absent.
    pub fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?.tbs_certificate;
        let names = certificate.get::<SubjectAltName>().ok()?.map_or_else(Vec::new, |(_, SubjectAltName(names))| names);
        let names = names.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => CertificateName::dns(name.as_str()),
            GeneralName::UniformResourceIdentifier(uri) => CertificateName::uri(uri.as_str()),
            _ => None,
        });
        let (not_before, not_after) = (certificate.validity.not_before, certificate.validity.not_after);
        Some(Self { not_before, not_after, names: names.collect() })
    }

    /// Checks that the certificate is valid at this time since 1970.
    ///
    /// # Errors
    /// The fault names the date.
    pub fn check(&self, now: Duration) -> Result<(), TlsFault> {
        if now > self.not_after.to_unix_duration() {
            return Err(TlsFault::Expired(self.not_after.to_date_time().to_string()));
        }
        if now < self.not_before.to_unix_duration() {
            return Err(TlsFault::NotYetValid(self.not_before.to_date_time().to_string()));
        }
        Ok(())
    }

    /// Returns the end of the validity.
    pub fn expire_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.not_after.to_unix_duration()
    }

    /// Returns the certificate of a peer. The caller must have verified it.
    pub fn into_peer(self) -> PeerCertificate {
        let expire_time = self.expire_time();
        PeerCertificate::new(self.names, expire_time)
    }
}
