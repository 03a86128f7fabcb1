//! PEM files of TLS, and the fields of certificates.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use gatepost::tls::{CertificateFacts, PemFile};
use tempfile::NamedTempFile;

/// Reads the bytes as a certificate, and as a PEM file of each kind.
pub fn certificates(data: &[u8]) {
    facts(data);
    let mut file = file_in_memory();
    file.write_all(data).unwrap();
    let file = PemFile::read(file.path()).unwrap();
    if let Ok(certificates) = file.certificates() {
        assert!(!certificates.is_empty(), "a file without a certificate is refused");
        for der in certificates {
            facts(&der);
        }
    }
    if let Ok(lists) = file.revocation_lists() {
        assert!(!lists.is_empty(), "a file without a list is refused");
    }
    let (key, authorities) = (file.private_key(), file.authorities());
    for fault in [key.err(), authorities.err()].into_iter().flatten() {
        let text = fault.to_string();
        assert!(!contents(data).any(|line| text.contains(line)), "no error shows the contents: {text}");
    }
}

fn facts(der: &[u8]) {
    let Some(facts) = CertificateFacts::read(der) else { return };
    let end = facts.expire_time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    for now in [Duration::ZERO, end, end + Duration::from_secs(1)] {
        assert!(now <= end || facts.check(now).is_err(), "an expired certificate is refused");
    }
    drop(facts.into_peer());
}

/// Returns the long lines in base64.
fn contents(pem: &[u8]) -> impl Iterator<Item = &str> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let lines = pem.split(|byte| *byte == b'\n').filter(move |line| line.len() > 24 && line.iter().all(is_base64));
    lines.filter_map(|line| std::str::from_utf8(line).ok())
}

/// Creates a file in memory, if the machine has `/dev/shm`. Dropping the value removes it.
pub(crate) fn file_in_memory() -> NamedTempFile {
    NamedTempFile::new_in("/dev/shm").or_else(|_| NamedTempFile::new()).unwrap()
}
