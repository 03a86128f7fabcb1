//! TLS of both ports: files, handshakes, verified certificates of clients, and reloads.

mod certificates;
mod client_flags;
mod follow;
mod server;
mod server_flags;
mod services;
mod settings;
mod transport;

pub use certificates::{CertificateRole, Certificates};
pub use client_flags::ClientTlsFlags;
pub use follow::TlsParts;
pub use server::{ClientAuth, ServerTls, TlsFiles};
pub use server_flags::{ServerTlsFlags, TlsVariables};
pub use services::{ServiceName, service_name, services};
pub use settings::ClientSettings;
pub use transport::Transport;
