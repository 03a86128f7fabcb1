//! One connection from its first byte to its last. The peer must send a request in time.
//!
//! Idle and old connections, and those of a stopping server, get a GOAWAY before they are cut.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use gatepost::PeerCertificate;
use h2::Reason;
use h2::server::Connection;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower_service::Service;

use super::addresses::AddressPermit;
use super::authority::{AuthorityFilter, PeerActivity};
use super::call::Shares;
use super::connection_end::ConnectionEnd;
use super::host::Host;
use super::life::Life;
use super::piece::Piece;
use super::seats::{Seat, SeatPermit};
use super::stream::Exchange;
use super::turns::Turns;
use super::window::ConnectionWindow;
use crate::tls::Transport;

/// Serves a connection until it ends.
pub(super) async fn serve<S, T>(host: Arc<Host<S>>, stream: TcpStream, peer: SocketAddr, taken: SeatPermit)
where
    S: Service<Request<Body>, Response = Response<T>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    T: http_body::Body<Data = Bytes> + Send + 'static,
{
    let (limits, seat, accepted) = (&host.limits, taken.seat(), Instant::now());
    let activity = Arc::new(PeerActivity::new(limits));
    let record = host.metrics.counters().connections.open();
    // Boxed: an open connection keeps no memory for its handshakes.
    let handshakes = Box::pin(begin(&host, stream, peer, Arc::clone(&activity)));
    let begun = tokio::select! {
        begun = timeout(limits.handshake, handshakes) => begun,
        () = seat.cut.cancelled() => return record.end(ConnectionEnd::Evicted),
        () = host.stop.cancelled() => return record.end(ConnectionEnd::Stop),
    };
    let (mut connection, info, _address, certificate) = match begun {
        Ok(Ok(begun)) => begun,
        Ok(Err(error)) => {
            tracing::debug!(%peer, error = &*error, "no HTTP/2 handshake on a connection");
            return record.end(ConnectionEnd::Handshake);
        }
        Err(_elapsed) => {
            tracing::debug!(%peer, error = "no preface in time", "no HTTP/2 handshake on a connection");
            return record.end(ConnectionEnd::Handshake);
        }
    };
    let shares = Shares {
        requests: host.requests.open_account(),
        answers: host.answers.open_account(),
        making: Arc::clone(&host.making),
        compressing: Arc::clone(&host.compressing),
        lanes: host.lanes.open_shares(),
        window: ConnectionWindow::new(limits.connection_window, host.waiting_bytes.open_share()),
        streams: host.streams.open_share(),
        public_streams: host.public_streams.open_share(),
    };
    let exchange = Exchange { host: Arc::clone(&host), shares: Arc::new(shares), info, certificate };
    let mut life = Life::new(&host.limits, accepted, Arc::clone(&activity), connection.ping_pong());
    record.end(drive(&mut connection, &mut life, &exchange, seat, &activity.turns).await);
}

/// Connection after its handshakes, the addresses for its calls, its permit under the limit per address, and the peer's
/// certificate.
type BegunConnection =
    (Connection<AuthorityFilter<Transport>, Piece>, TcpConnectInfo, Option<AddressPermit>, Option<PeerCertificate>);

/// Reads the PROXY protocol's header, if connections start with one, and does the handshakes of TLS and HTTP/2.
async fn begin<S>(
    host: &Host<S>,
    mut stream: TcpStream,
    peer: SocketAddr,
    activity: Arc<PeerActivity>,
) -> Result<BegunConnection, Box<dyn Error + Send + Sync>> {
    let remote = match &host.proxy_protocol {
        Some(protocol) => protocol.read(&mut stream, peer).await?,
        None => peer,
    };
    let claim = host.addresses.as_ref().map(|limit| limit.claim(remote.ip()).ok_or("address has too many connections"));
    let address = claim.transpose()?;
    let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(remote) };
    let (stream, certificate) = match &host.tls {
        Some(tls) => tls.accept(stream, remote, host.limits.handshake).await?,
        None => (Transport::Plain(stream), None),
    };
    let io = AuthorityFilter::new(stream, activity);
    Ok((host.limits.http2().handshake(io).await?, info, address, certificate))
}

/// Accepts the connection's streams until the connection must end. Returns the reason.
async fn drive<S, T, I>(
    connection: &mut Connection<I, Piece>,
    life: &mut Life,
    exchange: &Exchange<S>,
    seat: &Arc<Seat>,
    turns: &Turns,
) -> ConnectionEnd
where
    S: Service<Request<Body>, Response = Response<T>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    T: http_body::Body<Data = Bytes> + Send + 'static,
    I: AsyncRead + AsyncWrite + Unpin,
{
    let stop = &exchange.host.stop;
    let (mut is_stopping, mut is_cut) = (false, false);
    loop {
        if is_stopping {
            life.drain(seat, &exchange.shares.answers);
        }
        let (wake, is_pinged) = (life.next(seat), life.is_pinged());
        tokio::select! {
            accepted = turns.accept(connection, &exchange.shares.window) => match accepted {
                Some(Ok((request, mut respond))) => {
                    life.accepted(connection);
                    // After a stall many callers have given up. No part of their calls is executed.
                    if poll_fn(|cx| Poll::Ready(respond.poll_reset(cx).is_ready())).await {
                        continue;
                    }
                    let accepted = Instant::now();
                    tokio::spawn(exchange.clone().answer(request, respond, accepted, seat.open(), Arc::clone(seat)));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a connection has failed");
                    return if error.is_library() { ConnectionEnd::Protocol } else { life.end() };
                }
                None => return life.end(),
            },
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                life.ends_by(ConnectionEnd::Stop);
                life.retire();
            }
            () = seat.cut.cancelled(), if !is_cut => {
                is_cut = true;
                if !seat.has_called() {
                    return ConnectionEnd::Evicted;
                }
                life.ends_by(if seat.is_offender() { ConnectionEnd::Unread } else { ConnectionEnd::Evicted });
                if seat.is_offender() {
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                }
                life.evict(connection, seat);
            }
            () = seat.quiet.notified(), if is_stopping => {}
            () = life.pong(), if is_pinged => life.ponged(),
            () = sleep_until(wake) => if life.tick(connection, seat, &exchange.shares.answers) {
                return life.end();
            },
        }
    }
}
