//! Services that show a client certificate in place of a token.

use std::collections::HashMap;
use std::time::SystemTime;

use http::Extensions;

use super::Identity;
use crate::{CertificateName, PeerCertificate};

/// Services by the names in their client certificates. A caller with such a certificate is that service.
///
/// ```
/// use gatepost::{CertificateServices, Identity};
///
/// let name = "spiffe://example.org/blog".parse().unwrap();
/// let services = CertificateServices::new().service(name, Identity::service("blog").role("service"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct CertificateServices(HashMap<CertificateName, Identity>);

impl CertificateServices {
    /// Creates an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Treats the owner of a certificate with this name as this service. The identity gets the certificate's expiry.
    #[must_use]
    pub fn service(mut self, name: CertificateName, service: Identity) -> Self {
        self.0.insert(name, service);
        self
    }

    /// Returns the service of a call, by the first known name of its connection's certificate.
    pub(super) fn find(&self, extensions: &Extensions) -> Option<Identity> {
        let certificate = extensions.get::<PeerCertificate>()?;
        let service = certificate.names().iter().find_map(|name| self.0.get(name))?;
        Some(service.clone().expire_time(Some(certificate.expire_time())))
    }
}

/// Returns true if the identity has expired.
#[expect(clippy::disallowed_methods, reason = "a certificate's expiry is a time of day, and TLS reads the same clock")]
pub(super) fn has_expired(identity: &Identity) -> bool {
    identity.expire_time.is_some_and(|end| end <= SystemTime::now())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn services() -> CertificateServices {
        let service = |services: CertificateServices, name: &str| {
            services.service(name.parse().unwrap(), Identity::service(name).role("service"))
        };
        ["spiffe://example.org/blog", "shop.example.org"].into_iter().fold(CertificateServices::new(), service)
    }

    fn find(names: &[&str]) -> Option<Identity> {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        let mut extensions = Extensions::new();
        extensions.insert(PeerCertificate::new(names, SystemTime::UNIX_EPOCH + Duration::from_secs(7)));
        services().find(&extensions)
    }

    #[test]
    fn first_known_name_is_the_service() {
        let found = |names: &[&str]| find(names).map(|identity| identity.subject.clone());
        assert_eq!(found(&["spiffe://example.org/blog"]).as_deref(), Some("spiffe://example.org/blog"));
        assert_eq!(found(&["other.org", "SHOP.example.org"]).as_deref(), Some("shop.example.org"));
        for unknown in
            [&["spiffe://example.org/Blog"][..], &["spiffe://example.org/blog/"], &["a.shop.example.org"], &[]]
        {
            assert_eq!(found(unknown), None, "{unknown:?}");
        }
        assert_eq!(services().find(&Extensions::new()), None);
        let identity = find(&["shop.example.org"]).unwrap();
        assert_eq!(identity.expire_time, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(7)));
        assert!(identity.has_role("service") && has_expired(&identity));
    }
}
