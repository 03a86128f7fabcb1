//! Trusted proxies, which report the addresses of callers.

use clap::Args;
use kit::config::{ConfigError, boolean};
use kit::peer::{CallerResolver, HeaderName, Networks, ProxyProtocol, header_name, networks};

/// Flags of the trusted proxies.
#[derive(Clone, Debug, Args)]
pub struct ProxyFlags {
    /// Addresses and networks of the proxies that are trusted with the caller's address, comma separated
    /// (`10.0.0.0/8,2001:db8::/32`). Unset: the caller is the peer of the connection
    #[arg(long, env = "AUTH_TRUSTED_PROXIES", value_parser = networks, hide_env_values = true)]
    pub trusted_proxies: Option<Networks>,
    /// Header with the caller's address, for example x-forwarded-for or x-real-ip. The right-most address that does not
    /// belong to a trusted proxy counts
    #[arg(long, env = "AUTH_CLIENT_ADDRESS_HEADER", value_parser = header_name, hide_env_values = true)]
    pub client_address_header: Option<HeaderName>,
    /// Expect a header of the PROXY protocol, version 2, at the start of each connection from a trusted proxy
    #[arg(long, env = "AUTH_PROXY_PROTOCOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = boolean, hide_env_values = true)]
    pub proxy_protocol: bool,
}

impl ProxyFlags {
    /// Fails if a setting is set without the other one that it needs.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let has_source = self.client_address_header.is_some() || self.proxy_protocol;
        let problem = match (&self.trusted_proxies, has_source) {
            (None, true) => {
                "must be set with AUTH_CLIENT_ADDRESS_HEADER or AUTH_PROXY_PROTOCOL: only named proxies are trusted"
            }
            (Some(_), false) => "has no effect alone: also set AUTH_CLIENT_ADDRESS_HEADER or AUTH_PROXY_PROTOCOL",
            (None, false) | (Some(_), true) => return Ok(()),
        };
        Err(ConfigError::setting("--trusted-proxies (AUTH_TRUSTED_PROXIES)", problem))
    }

    /// Returns the reader of callers' addresses.
    pub(crate) fn callers(&self) -> CallerResolver {
        CallerResolver::new(self.trusted_proxies.clone().unwrap_or_default(), self.client_address_header.clone())
    }

    /// Returns the settings of the PROXY protocol, if connections begin with it.
    pub(crate) fn proxy_protocol(&self) -> Option<ProxyProtocol> {
        let trusted = self.trusted_proxies.clone().filter(|_| self.proxy_protocol);
        trusted.map(ProxyProtocol::new)
    }
}
