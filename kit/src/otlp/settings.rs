//! Address of the collector, from the settings.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use gatepost::tls::ClientTls;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::transport::{Channel, Endpoint};

use crate::ServiceAddress;
use crate::config::{ConfigError, InsecureSwitch, check_plaintext};

/// Time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval of PINGs on the connection, so that a dead one is noticed.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Settings of the collector, with the prefix of their names.
#[derive(Clone, Copy, Debug)]
pub struct CollectorSettings<'s> {
    /// Prefix of the environment variables, such as `AUTH`.
    pub prefix: &'static str,
    /// Address of the collector; `None` exports nothing.
    pub endpoint: Option<&'s ServiceAddress>,
    /// File of the authorities of the collector's certificate.
    pub authorities: Option<&'s PathBuf>,
    /// Switch that allows plaintext beyond loopback.
    pub insecure: InsecureSwitch,
}

/// Collector of spans and metrics.
#[derive(Clone, Debug)]
pub struct CollectorAddress {
    url: String,
    tls: Option<ClientTls>,
}

impl CollectorSettings<'_> {
    /// Checks the settings and reads the file. Returns `None` if nothing is exported.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn open(self) -> Result<Option<CollectorAddress>, ConfigError> {
        let fault = |flag: &str, problem: &str| Err(ConfigError::setting(self.name(flag), problem));
        let Some(endpoint) = self.endpoint else {
            return match self.authorities {
                Some(_) => fault("otlp-ca", &format!("must be set with {}", self.name("otlp-endpoint"))),
                None => Ok(None),
            };
        };
        check_plaintext(&self.name("otlp-endpoint"), endpoint.is_private(), self.insecure)?;
        let url = endpoint.url();
        if !endpoint.is_tls() {
            return match self.authorities {
                Some(_) => fault("otlp-ca", "has no effect: the endpoint is http://; write https://HOST:PORT"),
                None => Ok(Some(CollectorAddress { url, tls: None })),
            };
        }
        if ServerName::try_from(endpoint.host()).is_err() {
            return fault(
                "otlp-endpoint",
                "has a malformed host: write https://HOST:PORT with a DNS name or an address",
            );
        }
        let builder = ClientTls::builder();
        let builder = self.authorities.map_or_else(|| builder.clone(), |path| builder.clone().authorities(path));
        match builder.build() {
            Ok(tls) => Ok(Some(CollectorAddress { url, tls: Some(tls) })),
            Err(error) => fault("otlp-ca", &error.to_string()),
        }
    }

    /// Returns the flag and the variable of a setting.
    fn name(&self, flag: &str) -> String {
        format!("--{flag} ({}_{})", self.prefix, flag.to_ascii_uppercase().replace('-', "_"))
    }
}

impl CollectorAddress {
    /// Returns the address of a collector without TLS.
    pub fn plaintext(address: &ServiceAddress) -> Self {
        Self { url: address.url(), tls: None }
    }

    /// Creates a channel that connects at the first request.
    pub(super) fn channel(&self) -> Result<Channel, Box<dyn Error + Send + Sync>> {
        let change = |endpoint: Endpoint| {
            endpoint
                .connect_timeout(CONNECT_TIMEOUT)
                .tcp_nodelay(true)
                .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
                .keep_alive_timeout(CONNECT_TIMEOUT)
        };
        Ok(match &self.tls {
            Some(tls) => tls.channel_with(&self.url, change)?,
            None => change(Endpoint::from_shared(self.url.clone())?).connect_lazy(),
        })
    }
}
