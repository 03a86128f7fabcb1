//! TLS of both ports.

use kit::tls::{ServerTlsFlags, TlsVariables};

/// Flags of TLS.
pub type TlsFlags = ServerTlsFlags<BlogTlsVariables>;

/// Environment variables of TLS.
#[derive(Clone, Copy, Debug)]
pub enum BlogTlsVariables {}

impl TlsVariables for BlogTlsVariables {
    const PREFIX: &'static str = "BLOG";
    const CERT: &'static str = "BLOG_TLS_CERT";
    const KEY: &'static str = "BLOG_TLS_KEY";
    const CLIENT_CA: &'static str = "BLOG_TLS_CLIENT_CA";
    const CLIENT_CRL: &'static str = "BLOG_TLS_CLIENT_CRL";
    const CLIENT_AUTH: &'static str = "BLOG_TLS_CLIENT_AUTH";
    const SERVICES: &'static str = "BLOG_TLS_SERVICES";
}
