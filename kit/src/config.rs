//! Settings from flags, environment and a file. An empty value means unset, and no message shows a value.

mod arguments;
mod config_file;
mod config_reader;
mod effective;
mod environment;
mod file_key;
mod files;
mod invocation;
mod names;
mod pattern;
mod published;
mod source;
mod text;

use std::net::SocketAddr;
use std::time::Duration;

pub use arguments::{Parsed, parse, parse_with_settings, program};
pub use effective::{EffectiveSetting, SettingValue, ShowUrl};
pub use environment::{Environment, parse_service_key, secret_bytes, secret_file};
pub use file_key::FileKey;
pub use invocation::Invocation;
pub use names::{KnownNames, Secret, secrets_help};
pub use pattern::is_patterned;
pub use published::{PUBLISHED_SECRETS, check_published, is_published};
pub use source::SettingSource;
pub use text::cleaned;

/// Variable that names the configuration file, of each program.
pub(crate) const CONFIG_VARIABLE: &str = "GATEPOST_CONFIG";

/// Error in the settings. The message names the setting and never shows its value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Output of clap: `--help`, `--version`, or an unknown flag.
    #[error("{0}")]
    Usage(clap::Error),
    /// Unknown word on the command line.
    #[error("{0}")]
    Unknown(String),
    /// Invalid setting.
    #[error("{name}: {problem}")]
    Setting {
        /// The flag and the environment variable.
        name: String,
        /// The fault and the fix.
        problem: String,
    },
}

impl ConfigError {
    /// Creates the error of an invalid setting.
    pub fn setting(name: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), problem: problem.into() }
    }
}

/// Parses a listen address, for clap.
///
/// # Errors
/// Fails with the text to write instead.
pub fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write an address and a port, for example 127.0.0.1:50051 or [::1]:50051")
}

/// Parses a switch, for clap. Any word other than a clear yes or no is an error, so that a typo enables nothing.
///
/// # Errors
/// Fails with the text to write instead.
pub fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("write true or false"),
    }
}

/// Parses a length of time such as `1d` or `15m`, for clap.
///
/// # Errors
/// Fails with the text to write instead.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "write a length of time, for example 15m, 12h or 1d")
}

/// Setting that allows plaintext beyond loopback, and published secrets.
#[derive(Clone, Copy, Debug)]
pub struct InsecureSwitch {
    /// Name of the setting.
    pub name: &'static str,
    /// Set if the operator has turned the setting on.
    pub is_on: bool,
}

/// Refuses plaintext that leaves the machine unless the operator allows it (C65).
///
/// # Errors
/// Names the setting and the ways out.
pub fn check_plaintext(name: &str, is_loopback: bool, switch: InsecureSwitch) -> Result<(), ConfigError> {
    const REFUSED: &str = "plaintext beyond loopback is refused: use TLS or a loopback address";
    trusted(name, is_loopback, REFUSED, switch)
}

/// Refuses plaintext to a database on another machine unless the operator allows it.
///
/// # Errors
/// Names the setting and the ways out.
pub fn check_encrypted(name: &str, is_private: bool, switch: InsecureSwitch) -> Result<(), ConfigError> {
    const REFUSED: &str = "plaintext to a database beyond loopback is refused: add ?sslmode=verify-full";
    trusted(name, is_private, REFUSED, switch)
}

/// Logs the plaintext that leaves the machine because this switch is on. `exposed` has one text for each connection.
pub fn warn_plaintext(switch: InsecureSwitch, exposed: &[String]) {
    if !exposed.is_empty() {
        let ways = exposed.join(", ");
        tracing::warn!(
            "plaintext leaves this machine, since {} is true: {ways}; use it only on a trusted network",
            switch.name
        );
    }
}

fn trusted(name: &str, is_safe: bool, refused: &str, switch: InsecureSwitch) -> Result<(), ConfigError> {
    if is_safe || switch.is_on {
        return Ok(());
    }
    let problem = format!("{refused}, or set {}=true if the network in between is trusted", switch.name);
    Err(ConfigError::setting(name, problem))
}

/// Binds a listen address.
///
/// # Errors
/// Names the setting and the fix.
pub async fn bind(name: &str, address: SocketAddr) -> Result<tokio::net::TcpListener, ConfigError> {
    use std::io::ErrorKind as Io;
    tokio::net::TcpListener::bind(address).await.map_err(|error| {
        let problem = match error.kind() {
            Io::AddrInUse => {
                format!("{address} is in use: stop the process that listens there, or choose another port")
            }
            Io::PermissionDenied => format!("{address} needs more rights: choose a port from 1024 up"),
            Io::AddrNotAvailable => format!("{address} is not an address of this machine: choose one that is"),
            _ => format!("{address} cannot be listened on ({})", error.kind()),
        };
        ConfigError::setting(name, problem)
    })
}
