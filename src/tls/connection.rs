//! Connection of a TLS client. It remembers the fault that ended it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{AlertDescription, Error};

use super::ClientTls;

/// Alerts that mean that a server refuses a client's certificate.
const REFUSALS: [AlertDescription; 6] = [
    AlertDescription::AccessDenied,
    AlertDescription::BadCertificate,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
];

/// Fault of a connection that ends between the handshake and the first answer without an alert.
const CLOSED: &str = "the server has closed the connection after the handshake";

/// TLS connection after the client's handshake.
///
/// In TLS 1.3 the server judges a client certificate when the client has finished its handshake. The verdict is an alert
/// before the first answer. A write may fail before the alert has been read, since the server closes its end. A failed
/// write therefore counts as done, and the next read tells the cause.
pub(crate) struct TlsConnection {
    stream: TlsStream<TcpStream>,
    tls: ClientTls,
    has_read: bool,
    write_error: Option<io::Error>,
}

impl TlsConnection {
    /// Wraps a connection. Its fault goes to `tls`.
    pub(super) fn new(stream: TlsStream<TcpStream>, tls: ClientTls) -> Self {
        Self { stream, tls, has_read: false, write_error: None }
    }

    /// Hides the error of a write until the next read. Returns `done` in its place.
    fn finish_write<T>(&mut self, written: io::Result<T>, done: T) -> Poll<io::Result<T>> {
        Poll::Ready(Ok(written.unwrap_or_else(|error| {
            self.write_error.get_or_insert(error);
            done
        })))
    }

    /// Maps the end of a connection. Only the end before the server's first byte can be a fault of TLS.
    fn ended(&mut self, error: Option<io::Error>) -> io::Result<()> {
        let error = match error {
            Some(error) if tls_error(&error).is_some() => Some(error),
            error => self.write_error.take().or(error),
        };
        let error = error.map(described);
        if !self.has_read {
            let fault = error.as_ref().filter(|error| tls_error(error).is_some());
            self.tls.note_fault(Some(fault.map_or_else(|| CLOSED.to_owned(), ToString::to_string)));
        }
        error.map_or(Ok(()), Err)
    }
}

/// Returns the fault of TLS in an error.
fn tls_error(error: &io::Error) -> Option<&Error> {
    let cause = error.get_ref()?;
    cause.downcast_ref::<Error>().or_else(|| cause.downcast_ref::<RefusedCertificate>().map(|refused| &refused.source))
}

/// An alert of a server that refuses a client's certificate.
#[derive(Debug, thiserror::Error)]
#[error("{sentence} (TLS alert {alert:?})")]
struct RefusedCertificate {
    sentence: &'static str,
    alert: AlertDescription,
    source: Error,
}

/// Returns the error with a sentence for an alert about the client's certificate.
pub(super) fn described(error: io::Error) -> io::Error {
    let Some(&Error::AlertReceived(alert)) = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) else {
        return error;
    };
    let sentence = match alert {
        AlertDescription::CertificateRequired => "the server requires a client certificate",
        alert if REFUSALS.contains(&alert) => "the server refuses the client's certificate",
        _ => return error,
    };
    io::Error::new(error.kind(), RefusedCertificate { sentence, alert, source: Error::AlertReceived(alert) })
}

impl AsyncRead for TlsConnection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (connection, before) = (self.get_mut(), buf.filled().len());
        let has_room = buf.remaining() > 0;
        let read = ready!(Pin::new(&mut connection.stream).poll_read(cx, buf));
        if read.is_ok() && (buf.filled().len() > before || !has_room) {
            if !connection.has_read {
                connection.has_read = true;
                connection.tls.note_fault(None);
            }
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(connection.ended(read.err()))
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let connection = self.get_mut();
        let written = ready!(Pin::new(&mut connection.stream).poll_write(cx, bytes));
        connection.finish_write(written, bytes.len())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        let flushed = ready!(Pin::new(&mut connection.stream).poll_flush(cx));
        connection.finish_write(flushed, ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let connection = self.get_mut();
        let written = ready!(Pin::new(&mut connection.stream).poll_write_vectored(cx, parts));
        connection.finish_write(written, parts.iter().map(|part| part.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
