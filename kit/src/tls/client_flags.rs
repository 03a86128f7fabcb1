//! TLS flags of commands that call a service.

use std::path::{Path, PathBuf};

use clap::Args;
use gatepost::tls::{ClientTls, ClientTlsError};

/// TLS flags of a command.
#[derive(Clone, Debug, Default, Args)]
pub struct ClientTlsFlags {
    /// PEM file of the authorities that may issue the service's certificate. Unset: the public authorities
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// PEM file of a client certificate, with its intermediates
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_cert: Option<PathBuf>,
    /// PEM file of the client certificate's private key
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
    /// Name that the service's certificate must have. Unset: the host of the URL
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
}

impl ClientTlsFlags {
    /// Returns true if no flag is set.
    pub fn is_empty(&self) -> bool {
        self.ca.is_none() && self.client_cert.is_none() && self.server_name.is_none()
    }

    /// Reads the files. Without `--ca` the server with the certificate in `own` is trusted, if there is such a file.
    ///
    /// # Errors
    /// Names the file and the fault.
    pub fn open(&self, own: Option<&Path>) -> Result<ClientTls, ClientTlsError> {
        let builder = ClientTls::builder();
        let builder = match (&self.ca, own) {
            (Some(ca), _) => builder.authorities(ca),
            (None, Some(own)) => builder.server_certificate(own),
            (None, None) => builder,
        };
        let builder = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => builder.certificate(certificate, key),
            _ => builder,
        };
        let builder = match &self.server_name {
            Some(name) => builder.server_name(name),
            None => builder,
        };
        builder.build()
    }

    /// Returns the flags of grpcurl for the same TLS.
    pub fn grpcurl(&self) -> String {
        let named = [("-cacert", &self.ca), ("-cert", &self.client_cert), ("-key", &self.client_key)];
        let files = named.into_iter().filter_map(|(flag, path)| Some(format!("{flag} {}", path.as_ref()?.display())));
        let name = self.server_name.as_ref().map(|name| format!("-servername {name}"));
        files.chain(name).collect::<Vec<_>>().join(" ")
    }
}
