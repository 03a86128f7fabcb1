//! Lines that the auth service prints for people after its start.

use std::net::SocketAddr;

use kit::cli::Greeting;

use crate::config::{AuthConfig, AuthFlags, Registration, StartFacts};

/// Facts of the settings, for the greeting.
#[derive(Clone, Debug)]
pub struct AuthGreeting {
    flags: AuthFlags,
    operations: Option<SocketAddr>,
}

impl AuthGreeting {
    /// Reads the facts of this configuration.
    #[must_use]
    pub fn new(config: &AuthConfig) -> Self {
        let operations = config.ops.as_ref().and_then(|listener| listener.local_addr().ok());
        Self { flags: config.flags.clone(), operations }
    }

    /// Returns true if everyone may register.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.flags.registration == Registration::Open
    }

    /// Adds the place of the operations port.
    #[must_use]
    pub fn with_operations(&self, greeting: Greeting) -> Greeting {
        let text = self.operations.map_or_else(
            || "none; AUTH_OPS_LISTEN opens a port for probes and metrics".to_owned(),
            |address| address.to_string(),
        );
        greeting.row("auth operations", text)
    }

    /// Adds the state of the accounts. `command` is the command that creates an admin.
    #[must_use]
    pub fn with_accounts(&self, greeting: Greeting, facts: StartFacts, command: &str) -> Greeting {
        let registration = match self.flags.registration {
            Registration::Open => "open: everyone may register (AUTH_REGISTRATION)",
            Registration::Closed => "closed: only admins create users (AUTH_REGISTRATION)",
        };
        let admin = if facts.has_admin {
            "an active user is an admin".to_owned()
        } else {
            format!("none; `printf %s \"$PASSWORD\" | {command}` makes one")
        };
        greeting.row("registration", registration).row("admin", admin)
    }

    /// Returns the greeting of the service alone, at this address.
    #[must_use]
    pub fn alone(&self, listen: SocketAddr, facts: StartFacts) -> Greeting {
        let access = if self.flags.tls.tls_cert.is_some() { "TLS" } else { "plaintext" };
        let greeting = Greeting::new("auth-service").row("listens", format!("{listen} ({access})"));
        let engine = if self.flags.database_url.path().is_some() { "SQLite, " } else { "" };
        let greeting = self.with_operations(greeting);
        let greeting = greeting.row("database", format!("{engine}{}", self.flags.database_url));
        self.with_accounts(greeting, facts, "auth-service admin create EMAIL")
    }
}
