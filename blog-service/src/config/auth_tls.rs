//! TLS to the auth service.

use std::path::PathBuf;

use clap::Args;
use gatepost::tls::ClientTls;
use kit::config::ConfigError;
use kit::tls::ClientSettings;

/// Flags of TLS to the auth service. The files are read again when they change, and on SIGHUP.
#[derive(Clone, Debug, Args)]
pub struct AuthTlsFlags {
    /// PEM file of the authorities that may issue the auth service's certificate. Unset: the public authorities
    #[arg(long, env = "BLOG_AUTH_CA", value_name = "FILE", hide_env_values = true)]
    pub auth_ca: Option<PathBuf>,
    /// PEM file of a client certificate, with its intermediates. If `AUTH_TLS_SERVICES` has one of its names, the guard needs no
    /// `BLOG_SERVICE_KEY`
    #[arg(long, env = "BLOG_AUTH_CLIENT_CERT", value_name = "FILE", hide_env_values = true)]
    pub auth_client_cert: Option<PathBuf>,
    /// PEM file of the client certificate's private key, readable by the service alone
    #[arg(long, env = "BLOG_AUTH_CLIENT_KEY", value_name = "FILE", hide_env_values = true)]
    pub auth_client_key: Option<PathBuf>,
    /// Name that the auth service's certificate must have. Unset: the host of --auth-url
    #[arg(long, env = "BLOG_AUTH_SERVER_NAME", value_name = "NAME", hide_env_values = true)]
    pub auth_server_name: Option<String>,
    /// Certificate of an auth service in the same process, which is trusted without an authority.
    #[arg(skip)]
    pub own_auth_cert: Option<PathBuf>,
}

impl AuthTlsFlags {
    /// Reads the files; `None` if the URL of the auth service is for plaintext.
    pub(super) fn open(&self, is_used: bool) -> Result<Option<ClientTls>, ConfigError> {
        let settings = ClientSettings {
            prefix: "BLOG",
            is_used,
            authorities: self.auth_ca.as_ref(),
            own: self.own_auth_cert.as_ref(),
            certificate: self.auth_client_cert.as_ref(),
            key: self.auth_client_key.as_ref(),
            server_name: self.auth_server_name.as_ref(),
        };
        settings.open()
    }
}
