//! Certificates of tests, made at test time.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};

pub use rcgen::date_time_ymd;

/// Mode of a private key.
const KEY_MODE: u32 = 0o600;

/// An authority that issues certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// Serial number of the next certificate.
    issued: AtomicU64,
}

/// A certificate with its private key, both in PEM form.
#[derive(Clone, Debug)]
pub struct TestCertificate {
    /// Certificate.
    pub certificate: String,
    /// Private key.
    pub key: String,
    serial_number: SerialNumber,
}

/// Files of a certificate.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// File of the certificate.
    pub certificate: PathBuf,
    /// File of the private key.
    pub key: PathBuf,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "a test cannot run without certificates")]
impl Authority {
    /// Creates an authority with this name.
    ///
    /// # Panics
    /// Panics if no key can be made.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("an authority").pem();
        Self { issuer: Issuer::new(params, key), pem, issued: AtomicU64::new(1) }
    }

    /// Issues a certificate for these DNS names, IP addresses and URIs.
    ///
    /// # Panics
    /// Panics for a malformed name.
    pub fn issue(&self, names: &[&str]) -> TestCertificate {
        self.issue_with(names, |_| {})
    }

    /// Issues a certificate like [`issue`](Self::issue), with changed parameters.
    ///
    /// # Panics
    /// Panics for a malformed name.
    pub fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> TestCertificate {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("://"));
        let hosts = hosts.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut params = CertificateParams::new(hosts).expect("names of hosts");
        let uri = |uri: &str| SanType::URI(uri.try_into().expect("a URI"));
        params.subject_alt_names.extend(uris.into_iter().map(uri));
        let serial_number = SerialNumber::from(self.issued.fetch_add(1, Relaxed));
        params.serial_number = Some(serial_number.clone());
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        TestCertificate { certificate: certificate.pem(), key: key.serialize_pem(), serial_number }
    }

    /// Returns a list of revoked certificates, in PEM form.
    ///
    /// # Panics
    /// Panics if the list cannot be signed.
    pub fn revoke(&self, revoked: &[&TestCertificate]) -> String {
        let revocation_time = date_time_ymd(2020, 1, 1);
        let revoked_certs = revoked.iter().map(|certificate| RevokedCertParams {
            serial_number: certificate.serial_number.clone(),
            revocation_time,
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: revocation_time,
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").pem().expect("a list in PEM form")
    }

    /// Writes the authority's certificate into a folder. Returns the file's path.
    ///
    /// # Panics
    /// Panics if the file cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.crt"));
        fs::write(&path, &self.pem).expect("a file");
        path
    }
}

#[expect(clippy::expect_used, reason = "a test cannot run without certificates")]
impl TestCertificate {
    /// Writes the certificate and the private key into a folder, under this name.
    ///
    /// # Panics
    /// Panics if a file cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> CertificateFiles {
        let [certificate, key] = ["crt", "key"].map(|kind| folder.join(format!("{name}.{kind}")));
        fs::write(&certificate, &self.certificate).expect("a file");
        fs::write(&key, &self.key).expect("a file");
        fs::set_permissions(&key, Permissions::from_mode(KEY_MODE)).expect("a mode");
        CertificateFiles { certificate, key }
    }
}
