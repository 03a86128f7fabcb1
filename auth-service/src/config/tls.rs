//! TLS of both ports.

use std::path::PathBuf;

use clap::Args;
use kit::Clock;
use kit::config::ConfigError;
use kit::tls::{ClientAuth, ServerSettings, ServerTls, ServiceName, service_name};

/// Flags of TLS.
#[derive(Clone, Debug, Args)]
pub struct TlsFlags {
    /// PEM file of the certificate of both ports, with its intermediates; read again when it changes, and on SIGHUP. Unset:
    /// plaintext
    #[arg(long, env = "AUTH_TLS_CERT", value_name = "FILE", hide_env_values = true)]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the certificate's private key, readable by the service alone
    #[arg(long, env = "AUTH_TLS_KEY", value_name = "FILE", hide_env_values = true)]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authorities of client certificates at the gRPC port. Unset: no certificate is asked for
    #[arg(long, env = "AUTH_TLS_CLIENT_CA", value_name = "FILE", hide_env_values = true)]
    pub tls_client_ca: Option<PathBuf>,
    /// Need of a client certificate, with --tls-client-ca: required (the default), or optional for callers with tokens
    #[arg(long, env = "AUTH_TLS_CLIENT_AUTH", hide_env_values = true, hide_possible_values = true)]
    pub tls_client_auth: Option<ClientAuth>,
    /// Client certificates that stand for a service in place of `AUTH_SERVICE_KEY`, by a DNS name or URI of the certificate,
    /// comma separated (`spiffe://example.org/blog=blog,shop.example.org=shop`)
    #[arg(long, env = "AUTH_TLS_SERVICES", value_delimiter = ',', value_parser = service_name, hide_env_values = true)]
    pub tls_services: Vec<ServiceName>,
}

impl TlsFlags {
    /// Reads the files; `None` without TLS.
    pub(super) fn open(&self, clock: &Clock) -> Result<Option<ServerTls>, ConfigError> {
        let settings = ServerSettings {
            prefix: "AUTH",
            certificate: self.tls_cert.as_ref(),
            key: self.tls_key.as_ref(),
            client_authorities: self.tls_client_ca.as_ref(),
            client_auth: self.tls_client_auth,
            services: &self.tls_services,
        };
        settings.open(clock)
    }
}
