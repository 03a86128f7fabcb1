//! TLS from PEM files, which are read again when they change.

mod certificate;
mod client;
mod connection;
mod connector;
mod error;
mod pair;
mod pem;
mod pinned;
mod watched;

pub use client::{ClientTls, ClientTlsBuilder, ClientTlsError};
pub use error::{TlsFault, TlsFileError};

pub(crate) use connector::TlsConnector;

#[doc(hidden)]
pub use {
    certificate::CertificateFacts,
    pair::KeyPair,
    pem::PemFile,
    watched::{Refreshed, Watched},
};

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Returns the provider of cryptography. It is named, so that no other one of the process takes its place.
#[doc(hidden)]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
