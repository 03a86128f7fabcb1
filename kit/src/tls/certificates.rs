//! Days until the certificates of a process expire.

use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::follow::TlsParts;
use crate::Clock;

/// Certificates of a process, for metrics and `/readyz`.
#[derive(Clone, Debug)]
pub struct Certificates {
    tls: TlsParts,
    clock: Clock,
}

/// Role of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateRole {
    /// Certificate of the service's ports.
    Server,
    /// Certificate that the service shows to the auth service.
    Client,
}

impl CertificateRole {
    /// Returns the name for metric labels and for the lines of `/readyz`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl Certificates {
    /// Creates a reader of the certificates in `tls`. It counts the remaining days from the time of `clock`.
    pub fn new(tls: TlsParts, clock: Clock) -> Self {
        Self { tls, clock }
    }

    /// Returns the whole days until each certificate expires; negative if it has expired.
    pub fn days_left(&self) -> Vec<(CertificateRole, i64)> {
        let server = self.tls.server.as_ref().map(|tls| (CertificateRole::Server, tls.expire_time()));
        let client = self.tls.client.as_ref().and_then(|tls| Some((CertificateRole::Client, tls.expire_time()?)));
        let days = |time: SystemTime| (DateTime::<Utc>::from(time) - self.clock.now()).num_seconds().div_euclid(86_400);
        [server, client].into_iter().flatten().map(|(role, time)| (role, days(time))).collect()
    }

    /// Returns the number of failed handshakes, if the service's ports use TLS.
    pub fn failed_handshakes(&self) -> Option<u64> {
        self.tls.server.as_ref().map(super::ServerTls::failed_handshakes)
    }

    /// Returns a line for each certificate; an empty text without certificates.
    pub fn lines(&self) -> String {
        let line = |(role, days): (CertificateRole, i64)| match days {
            0.. => format!("\nTLS certificate ({}): {days} days left", role.name()),
            _ => format!("\nTLS certificate ({}): expired, renew it", role.name()),
        };
        self.days_left().into_iter().map(line).collect()
    }
}
