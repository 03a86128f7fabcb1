//! Trusted proxies: where the address of a caller comes from.

use clap::Args;
use kit::config::{ConfigError, boolean};
use kit::peer::{CallerResolver, HeaderName, Networks, ProxyProtocol, header_name, networks};

/// The proxies before the service, and how they tell the caller's address.
#[derive(Clone, Debug, Args)]
pub struct ProxyFlags {
    /// Addresses and networks of the proxies that are trusted to tell the caller's address, comma separated
    /// (`10.0.0.0/8,2001:db8::/32`). Unset: the caller is the peer of the connection
    #[arg(long, env = "AUTH_TRUSTED_PROXIES", value_parser = networks, hide_env_values = true)]
    pub trusted_proxies: Option<Networks>,
    /// Header in which those proxies tell it, for example x-forwarded-for or x-real-ip. Of several addresses the right-most
    /// one counts that is no trusted proxy's
    #[arg(long, env = "AUTH_CLIENT_ADDRESS_HEADER", value_parser = header_name, hide_env_values = true)]
    pub client_address_header: Option<HeaderName>,
    /// Read a header of the PROXY protocol, version 2, at the begin of each connection from a trusted proxy
    #[arg(long, env = "AUTH_PROXY_PROTOCOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    pub proxy_protocol: bool,
}

impl ProxyFlags {
    /// Refuses settings of which one is of no use without the other.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let tells = self.client_address_header.is_some() || self.proxy_protocol;
        let problem = match (&self.trusted_proxies, tells) {
            (None, true) => {
                "must name the proxies that AUTH_CLIENT_ADDRESS_HEADER and AUTH_PROXY_PROTOCOL are believed of"
            }
            (Some(_), false) => {
                "has no effect alone: say by AUTH_CLIENT_ADDRESS_HEADER or AUTH_PROXY_PROTOCOL how they tell the address"
            }
            (None, false) | (Some(_), true) => return Ok(()),
        };
        Err(ConfigError::setting("--trusted-proxies (AUTH_TRUSTED_PROXIES)", problem))
    }

    /// Tells the addresses of callers.
    pub(crate) fn callers(&self) -> CallerResolver {
        CallerResolver::new(self.trusted_proxies.clone().unwrap_or_default(), self.client_address_header.clone())
    }

    /// The PROXY protocol, if connections begin with it.
    pub(crate) fn proxy_protocol(&self) -> Option<ProxyProtocol> {
        let trusted = self.trusted_proxies.clone().filter(|_| self.proxy_protocol);
        trusted.map(ProxyProtocol::new)
    }
}
