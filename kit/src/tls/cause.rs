//! Cause of a connection that TLS has ended.

use std::error::Error as _;
use std::io;

use tokio_rustls::rustls;
use tonic::Status;

/// Returns the fault of TLS that failed a call; `None` if it failed for another reason.
///
/// A server that requires a client certificate refuses after the handshake, so the whole call counts.
pub fn tls_fault(status: &Status) -> Option<String> {
    let mut causes = std::iter::successors(status.source(), |&cause| cause.source());
    causes.find_map(|cause| {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return Some(cause.get_ref()?.downcast_ref::<rustls::Error>()?.to_string());
        }
        // h2 keeps only the kind and the text of an error of its connection. TLS uses this kind.
        let cause = cause.downcast_ref::<h2::Error>()?.get_io()?;
        (cause.kind() == io::ErrorKind::InvalidData).then(|| cause.to_string())
    })
}
