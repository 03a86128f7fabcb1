//! The client of the auth service, with TLS.

use std::error::Error;

use gatepost::{AuthService, Token};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// Builds the client of the auth service at `url`, `https://HOST:PORT`. `authority` signs its certificate (PEM).
///
/// # Errors
/// Fails if the URL or the certificate cannot be read, and outside a Tokio runtime.
pub fn with_tls(url: String, key: &Token, authority: &[u8]) -> Result<AuthService, Box<dyn Error>> {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
    let endpoint = Endpoint::from_shared(url)?.tls_config(tls)?;
    Ok(AuthService::builder(endpoint).service_key(key).build()?)
}
