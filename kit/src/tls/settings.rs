//! TLS settings. Their errors name the setting and say what to do.

use std::path::PathBuf;
use std::time::Duration;

use gatepost::tls::{ClientTls, ClientTlsError};

use super::server::{ClientAuth, ServerTls, TlsFiles, check_access};
use super::services::ServiceName;
use crate::Clock;
use crate::config::ConfigError;

/// TLS settings of a server, with the prefix of their environment variables.
#[derive(Clone, Debug)]
pub(super) struct ServerSettings<'s> {
    /// Prefix of the environment variables, such as `AUTH`.
    pub(super) prefix: &'static str,
    /// File of the certificate.
    pub(super) certificate: Option<&'s PathBuf>,
    /// File of the private key.
    pub(super) key: Option<&'s PathBuf>,
    /// File of the certificate authorities (CAs) that issue client certificates.
    pub(super) client_authorities: Option<&'s PathBuf>,
    /// File of the revocation lists (CRLs) of client certificates.
    pub(super) client_revocations: Option<&'s PathBuf>,
    /// Required or optional client certificates; `None` if the setting is absent.
    pub(super) client_auth: Option<ClientAuth>,
    /// Names in client certificates that identify services.
    pub(super) services: &'s [ServiceName],
}

impl ServerSettings<'_> {
    /// Reads the files; returns `None` if TLS is off.
    ///
    /// # Errors
    /// Fails with the setting, the file and the fault.
    pub(super) fn open(&self, clock: &Clock) -> Result<Option<ServerTls>, ConfigError> {
        let alone =
            |flag: &str, needed: &str| Err(self.fault(flag, &format!("must be set with {}", self.name(needed))));
        let (certificate, key) = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            (Some(_), None) => return alone("tls-cert", "tls-key"),
            (None, Some(_)) => return alone("tls-key", "tls-cert"),
            (None, None) if self.client_authorities.is_some() => return alone("tls-client-ca", "tls-cert"),
            (None, None) => {
                self.check_authorities()?;
                return Ok(None);
            }
        };
        self.check_authorities()?;
        let (client_authorities, client_auth) =
            (self.client_authorities.cloned(), self.client_auth.unwrap_or_default());
        let client_revocations = self.client_revocations.cloned();
        let files = TlsFiles { certificate, key, client_authorities, client_auth, client_revocations };
        match ServerTls::open(files, since_1970(clock)) {
            Ok(tls) => Ok(Some(tls)),
            Err(error) => {
                let is = |path: Option<&PathBuf>| path.is_some_and(|path| path == error.path());
                let flag = if is(self.key) {
                    "tls-key"
                } else if is(self.client_authorities) {
                    "tls-client-ca"
                } else if is(self.client_revocations) {
                    "tls-client-crl"
                } else {
                    "tls-cert"
                };
                Err(self.fault(flag, &error.to_string()))
            }
        }
    }

    /// Fails if another setting for client certificates is present without the file of their CAs.
    fn check_authorities(&self) -> Result<(), ConfigError> {
        if self.client_authorities.is_some() {
            return Ok(());
        }
        let needs = format!("needs {}: without it no client certificate is verified", self.name("tls-client-ca"));
        if !self.services.is_empty() {
            return Err(self.fault("tls-services", &needs));
        }
        if self.client_revocations.is_some() {
            return Err(self.fault("tls-client-crl", &needs));
        }
        if self.client_auth.is_some() { Err(self.fault("tls-client-auth", &needs)) } else { Ok(()) }
    }

    fn fault(&self, flag: &str, problem: &str) -> ConfigError {
        ConfigError::setting(self.name(flag), problem)
    }

    /// Returns the flag and the variable of a setting.
    fn name(&self, flag: &str) -> String {
        setting(self.prefix, flag)
    }
}

/// TLS settings of a client of the auth service, with the prefix of their environment variables.
#[derive(Clone, Debug)]
pub struct ClientSettings<'s> {
    /// Prefix of the environment variables, such as `BLOG`.
    pub prefix: &'static str,
    /// True if the URL of the auth service begins with `https`.
    pub is_used: bool,
    /// File of the CAs that issue the server's certificate.
    pub authorities: Option<&'s PathBuf>,
    /// File of the server's certificate, for a server in the same process. Ignored if `authorities` is set.
    pub own: Option<&'s PathBuf>,
    /// File of the client certificate.
    pub certificate: Option<&'s PathBuf>,
    /// File of the client certificate's private key.
    pub key: Option<&'s PathBuf>,
    /// Name that the server's certificate must have.
    pub server_name: Option<&'s String>,
}

impl ClientSettings<'_> {
    /// Reads the files; returns `None` if the URL begins with `http:`.
    ///
    /// # Errors
    /// Fails with the setting, the file and the fault.
    pub fn open(&self) -> Result<Option<ClientTls>, ConfigError> {
        let set = [
            ("auth-ca", self.authorities.is_some()),
            ("auth-client-cert", self.certificate.is_some()),
            ("auth-client-key", self.key.is_some()),
            ("auth-server-name", self.server_name.is_some()),
        ];
        if !self.is_used {
            let unused = set.iter().find(|(_, is_set)| *is_set);
            let url = setting(self.prefix, "auth-url");
            return unused.map_or(Ok(None), |(flag, _)| {
                Err(self.fault(flag, &format!("has no effect: {url} is http://; write https://HOST:PORT")))
            });
        }
        let mut builder = ClientTls::builder();
        builder = match (self.authorities, self.own) {
            (Some(path), _) => builder.authorities(path),
            (None, Some(own)) => builder.server_certificate(own),
            (None, None) => builder,
        };
        if let Some(name) = self.server_name {
            builder = builder.server_name(name);
        }
        builder = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => {
                check_access(key).map_err(|error| self.fault("auth-client-key", &error.to_string()))?;
                builder.certificate(certificate, key)
            }
            (None, None) => builder,
            (Some(_), None) => {
                let needed = setting(self.prefix, "auth-client-key");
                return Err(self.fault("auth-client-cert", &format!("must be set with {needed}")));
            }
            (None, Some(_)) => {
                let needed = setting(self.prefix, "auth-client-cert");
                return Err(self.fault("auth-client-key", &format!("must be set with {needed}")));
            }
        };
        builder.build().map(Some).map_err(|error| {
            let flag = match &error {
                ClientTlsError::File(file) if Some(file.path()) == self.authorities.map(PathBuf::as_path) => "auth-ca",
                ClientTlsError::File(file) if Some(file.path()) == self.key.map(PathBuf::as_path) => "auth-client-key",
                ClientTlsError::ServerName(_) => "auth-server-name",
                _ => "auth-client-cert",
            };
            self.fault(flag, &error.to_string())
        })
    }

    fn fault(&self, flag: &str, problem: &str) -> ConfigError {
        ConfigError::setting(setting(self.prefix, flag), problem)
    }
}

/// Returns the flag and the variable of a setting, such as `--tls-cert (AUTH_TLS_CERT)`.
fn setting(prefix: &str, flag: &str) -> String {
    format!("--{flag} ({prefix}_{})", flag.to_ascii_uppercase().replace('-', "_"))
}

/// Returns the clock's time as whole seconds since 1970.
pub(super) fn since_1970(clock: &Clock) -> Duration {
    Duration::from_secs(clock.now().timestamp().try_into().unwrap_or_default())
}
