//! Names in client certificates that identify services, as a setting lists them.

use gatepost::{CertificateName, CertificateServices, Identity};

/// Name of a client certificate, and the service of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName {
    certificate: CertificateName,
    service: String,
}

/// Longest name of a service, in bytes.
const MAX_SERVICE_BYTES: usize = 63;

/// Parses `spiffe://example.org/blog=blog` or `blog.example.org=blog`, for clap.
///
/// # Errors
/// Fails with the text to write instead.
pub fn service_name(text: &str) -> Result<ServiceName, &'static str> {
    const WANTED: &str = "write NAME=SERVICE, for example spiffe://example.org/blog=blog or blog.example.org=blog; SERVICE \
                          has 1 to 63 of a-z, 0-9, `.`, `_` and `-`, and is no UUID";
    let (certificate, service) = text.rsplit_once('=').ok_or(WANTED)?;
    let certificate = certificate.parse().map_err(|_| WANTED)?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let fits = (1..=MAX_SERVICE_BYTES).contains(&service.len()) && service.bytes().all(is_plain);
    // The subject of a user is a UUID.
    let is_user = uuid::Uuid::try_parse(service).is_ok();
    if fits && !is_user { Ok(ServiceName { certificate, service: service.to_owned() }) } else { Err(WANTED) }
}

/// Returns the services of these names, each with this function's identity.
pub fn services(names: &[ServiceName], identity: impl Fn(&str) -> Identity) -> CertificateServices {
    names.iter().fold(CertificateServices::new(), |services, ServiceName { certificate, service }| {
        services.service(certificate.clone(), identity(service))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_others_are_refused() {
        for (text, certificate) in [
            ("spiffe://example.org/a=b=blog", "spiffe://example.org/a=b"),
            ("Blog.example.org=blog", "blog.example.org"),
        ] {
            let wanted = ServiceName { certificate: certificate.parse().unwrap(), service: "blog".into() };
            assert_eq!(service_name(text), Ok(wanted), "{text}");
        }
        for text in [
            "",
            "blog",
            "=blog",
            "blog.example.org=",
            "*.example.org=blog",
            "a.org=Blog",
            "a.org=b c",
            "a.org=b\u{e9}",
            "a.org=0198c0de-0000-7000-8000-000000000000",
        ] {
            assert!(service_name(text).is_err(), "{text}");
        }
        assert!(service_name(&format!("a.org={}", "a".repeat(64))).is_err());
    }
}
