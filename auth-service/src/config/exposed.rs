//! Ways in which plaintext leaves this machine, and the switch that allows them.

use kit::config::InsecureSwitch;

use super::AuthFlags;

/// Name of the switch that allows plaintext beyond loopback and published secrets.
const SWITCH: &str = "AUTH_INSECURE";

impl AuthFlags {
    /// Returns the setting that allows plaintext and published secrets.
    pub(crate) fn insecure_switch(&self) -> InsecureSwitch {
        InsecureSwitch { name: SWITCH, is_on: self.insecure }
    }

    /// Lists the ways in which plaintext leaves this machine.
    pub(crate) fn exposed(&self) -> Vec<String> {
        let listeners = [Some(self.listen), self.ops_listen].into_iter().flatten();
        let listeners = listeners.filter(|_| self.tls.tls_cert.is_none());
        let beyond = listeners.filter(|listen| !listen.ip().is_loopback());
        let beyond = beyond.map(|listen| format!("it listens on {listen}"));
        let database = (!self.database_url.is_private()).then(|| self.database_url.to_string());
        let collector = self.telemetry.otlp_endpoint.as_ref().filter(|collector| !collector.is_private());
        let collector = collector.map(|collector| format!("the collector at {}", collector.address()));
        beyond.chain(database).chain(collector).collect()
    }
}
