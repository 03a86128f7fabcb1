//! TLS of both ports.

use kit::tls::{ServerTlsFlags, TlsVariables};

/// Flags of TLS.
pub type TlsFlags = ServerTlsFlags<AuthTlsVariables>;

/// Environment variables of TLS.
#[derive(Clone, Copy, Debug)]
pub enum AuthTlsVariables {}

impl TlsVariables for AuthTlsVariables {
    const PREFIX: &'static str = "AUTH";
    const CERT: &'static str = "AUTH_TLS_CERT";
    const KEY: &'static str = "AUTH_TLS_KEY";
    const CLIENT_CA: &'static str = "AUTH_TLS_CLIENT_CA";
    const CLIENT_CRL: &'static str = "AUTH_TLS_CLIENT_CRL";
    const CLIENT_AUTH: &'static str = "AUTH_TLS_CLIENT_AUTH";
    const SERVICES: &'static str = "AUTH_TLS_SERVICES";
}
