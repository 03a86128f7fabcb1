//! The names of a client certificate that the transport has verified.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

/// Maximum length of a name in bytes.
const MAX_NAME_BYTES: usize = 2048;

/// A name of a certificate's owner: an entry of its subject alternative names (RFC 5280 §4.2.1.6).
///
/// ```
/// # use gatepost::CertificateName;
/// let uri: CertificateName = "spiffe://example.org/blog".parse().unwrap();
/// let dns: CertificateName = "blog.example.org".parse().unwrap();
/// assert_eq!(uri, CertificateName::Uri("spiffe://example.org/blog".into()));
/// assert_eq!(dns, CertificateName::Dns("blog.example.org".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateName {
    /// A DNS name in lower case, without wildcard.
    Dns(String),
    /// A URI, such as a SPIFFE ID. It is compared byte by byte.
    Uri(String),
}

/// A text that is neither a DNS name nor a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a DNS name without wildcard, or a URI such as spiffe://example.org/blog")]
pub struct InvalidName;

impl CertificateName {
    /// Returns a DNS name in lower case; `None` for a wildcard and for a malformed name.
    pub fn dns(name: &str) -> Option<Self> {
        let is_label = |label: &str| {
            let bytes = label.as_bytes();
            (1..=63).contains(&bytes.len())
                && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let fits = name.len() <= 253 && name.split('.').all(is_label);
        fits.then(|| Self::Dns(name.to_ascii_lowercase()))
    }

    /// Returns a URI; `None` for a text without a scheme and an authority, and for one with invisible characters.
    pub fn uri(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let mut bytes = scheme.bytes();
        let is_scheme = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let fits = is_scheme
            && !rest.is_empty()
            && text.len() <= MAX_NAME_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self::Uri(text.to_owned()))
    }
}

impl FromStr for CertificateName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::uri(text).or_else(|| Self::dns(text)).ok_or(InvalidName)
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Dns(name) | Self::Uri(name)) = self;
        f.write_str(name)
    }
}

/// A client certificate that the transport has verified. The transport puts it into the extensions of each request.
///
/// Only code of the server can create one: no header of a caller becomes a certificate. A clone shares the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate(Arc<CertificateData>);

#[derive(Debug, PartialEq, Eq)]
struct CertificateData {
    names: Vec<CertificateName>,
    expire_time: SystemTime,
}

impl PeerCertificate {
    /// Creates the certificate of a peer. The caller must have verified the certificate's chain, and that the peer
    /// holds the private key.
    pub fn new(names: Vec<CertificateName>, expire_time: SystemTime) -> Self {
        Self(Arc::new(CertificateData { names, expire_time }))
    }

    /// Returns the subject alternative names, in the certificate's order.
    pub fn names(&self) -> &[CertificateName] {
        &self.0.names
    }

    /// Returns the end of the certificate's validity.
    pub fn expire_time(&self) -> SystemTime {
        self.0.expire_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_names_are_read_and_others_are_refused() {
        let dns = |name: &str| Ok(CertificateName::Dns(name.into()));
        assert_eq!("Blog.Example.org".parse(), dns("blog.example.org"));
        assert_eq!("localhost".parse(), dns("localhost"));
        let spiffe = "spiffe://example.org/ns/prod/sa/blog";
        assert_eq!(spiffe.parse(), Ok(CertificateName::Uri(spiffe.into())));
        for bad in [
            "",
            ".",
            "*.example.org",
            "a..b",
            "-a",
            "a-",
            "a b",
            "a\u{e9}",
            "spiffe://",
            "://a",
            "1a://b",
            "a://b c",
            "example.org.",
        ] {
            assert_eq!(bad.parse::<CertificateName>(), Err(InvalidName), "{bad:?}");
        }
        assert!("a".repeat(64).parse::<CertificateName>().is_err());
        assert!(CertificateName::uri(&format!("spiffe://{}", "a".repeat(2048))).is_none());
    }
}
