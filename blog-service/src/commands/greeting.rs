//! Lines that tell a person about the blog service that has started.

use std::net::SocketAddr;

use kit::ServiceAddress;
use kit::cli::Greeting;

use crate::config::{BlogConfig, BlogFlags};

/// Facts of the settings, for the greeting.
#[derive(Clone, Debug)]
pub struct BlogGreeting {
    flags: BlogFlags,
    operations: Option<SocketAddr>,
}

impl BlogGreeting {
    /// Reads the facts of this configuration.
    #[must_use]
    pub fn new(config: &BlogConfig) -> Self {
        let operations = config.ops.as_ref().and_then(|listener| listener.local_addr().ok());
        Self { flags: config.flags.clone(), operations }
    }

    /// Adds the place of the operations port.
    #[must_use]
    pub fn with_operations(&self, greeting: Greeting) -> Greeting {
        let text = self.operations.map_or_else(
            || "none; BLOG_OPS_LISTEN opens a port for probes and metrics".to_owned(),
            |address| address.to_string(),
        );
        greeting.row("blog operations", text)
    }

    /// Returns the greeting of the service alone, at this address.
    #[must_use]
    pub fn alone(&self, listen: SocketAddr) -> Greeting {
        let access = if self.flags.tls.tls_cert.is_some() { "TLS" } else { "plaintext" };
        let greeting = Greeting::new("blog-service").row("listens", format!("{listen} ({access})"));
        let engine = if self.flags.database_url.path().is_some() { "SQLite, " } else { "" };
        let auth: Vec<_> = self.flags.auth_url.iter().map(ServiceAddress::url).collect();
        let greeting = self.with_operations(greeting);
        greeting.row("database", format!("{engine}{}", self.flags.database_url)).row("auth service", auth.join(", "))
    }
}
