//! The way to the auth service, with TLS where it has a certificate.

use std::error::Error;

use gatepost::{AuthService, Token};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// Makes the auth service at `url`, `https://HOST:PORT`, whose certificate `authority` has signed (PEM).
///
/// # Errors
/// Fails if the URL or the certificate cannot be read, and outside a Tokio runtime.
pub fn with_tls(url: String, key: &Token, authority: &[u8]) -> Result<AuthService, Box<dyn Error>> {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
    let endpoint = Endpoint::from_shared(url)?.tls_config(tls)?;
    Ok(AuthService::builder(endpoint).service_key(key).build()?)
}
