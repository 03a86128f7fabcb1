//! Cause of a connection that TLS has ended.

use std::error::Error as _;
use std::io;

use tokio_rustls::rustls;
use tonic::Status;

/// Returns the fault of TLS that failed a call; `None` if it failed for another reason.
///
/// A server that requires a client certificate refuses after the handshake, so the whole call counts.
pub fn tls_fault(status: &Status) -> Option<String> {
    let causes = std::iter::successors(status.source(), |&cause| cause.source());
    let mut io = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.find_map(|cause| Some(cause.get_ref()?.downcast_ref::<rustls::Error>()?.to_string()))
}
