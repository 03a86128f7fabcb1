//! TLS flags of a service's ports, with the service's own environment variables.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::Args;

use super::server::{ClientAuth, ServerTls};
use super::services::{ServiceName, service_name};
use super::settings::ServerSettings;
use crate::Clock;
use crate::config::ConfigError;

/// Environment variables of a service's TLS flags.
pub trait TlsVariables: Clone + Debug + Send + Sync + 'static {
    /// Prefix of all names, such as `AUTH`.
    const PREFIX: &'static str;
    /// Variable of `--tls-cert`.
    const CERT: &'static str;
    /// Variable of `--tls-key`.
    const KEY: &'static str;
    /// Variable of `--tls-client-ca`.
    const CLIENT_CA: &'static str;
    /// Variable of `--tls-client-crl`.
    const CLIENT_CRL: &'static str;
    /// Variable of `--tls-client-auth`.
    const CLIENT_AUTH: &'static str;
    /// Variable of `--tls-services`.
    const SERVICES: &'static str;
}

/// TLS flags of both ports of a service.
#[derive(Clone, Debug, Args)]
pub struct ServerTlsFlags<V: TlsVariables> {
    /// PEM file of the certificate of both ports, with its intermediates; read again when it changes, and on SIGHUP. Unset:
    /// plaintext
    #[arg(long, env = V::CERT, value_name = "FILE", hide_env_values = true)]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the certificate's private key, readable by the service alone
    #[arg(long, env = V::KEY, value_name = "FILE", hide_env_values = true)]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authorities of client certificates at the gRPC port. Unset: no certificate is asked for
    #[arg(long, env = V::CLIENT_CA, value_name = "FILE", hide_env_values = true)]
    pub tls_client_ca: Option<PathBuf>,
    /// PEM file of the revocation lists (CRL) of these authorities; read again when it changes. Unset: no certificate counts as
    /// revoked
    #[arg(long, env = V::CLIENT_CRL, value_name = "FILE", hide_env_values = true)]
    pub tls_client_crl: Option<PathBuf>,
    /// Client certificates, with --tls-client-ca: required (the default), or optional for callers with tokens
    #[arg(long, env = V::CLIENT_AUTH, hide_env_values = true, hide_possible_values = true)]
    pub tls_client_auth: Option<ClientAuth>,
    /// Services that call without a token or a service key, each by a DNS name or URI in its client certificate, comma
    /// separated (`spiffe://example.org/blog=blog,shop.example.org=shop`)
    #[arg(long, env = V::SERVICES, value_delimiter = ',', value_parser = service_name, hide_env_values = true)]
    pub tls_services: Vec<ServiceName>,
    #[arg(skip)]
    variables: PhantomData<V>,
}

impl<V: TlsVariables> ServerTlsFlags<V> {
    /// Reads the files; `None` without TLS.
    ///
    /// # Errors
    /// Names the setting, the file and the fault.
    pub fn open(&self, clock: &Clock) -> Result<Option<ServerTls>, ConfigError> {
        let settings = ServerSettings {
            prefix: V::PREFIX,
            certificate: self.tls_cert.as_ref(),
            key: self.tls_key.as_ref(),
            client_authorities: self.tls_client_ca.as_ref(),
            client_revocations: self.tls_client_crl.as_ref(),
            client_auth: self.tls_client_auth,
            services: &self.tls_services,
        };
        settings.open(clock)
    }
}
