//! HTTP/1.1 server with the limits that hyper does not set.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{EndpointRequest, Endpoints, OpsLimits};
use crate::lifecycle::Lifecycle;
use crate::output;
use crate::shutdown::Shutdown;
use crate::tasks::{TaskDied, Tasks};
use crate::tls::{ServerTls, Transport};

/// Pause after a failed accept, whose usual cause is a lack of file descriptors.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Maximum number of bytes of a request's text.
const MAX_TEXT_BYTES: usize = 1024;

/// Listener of the operations port.
#[derive(Debug)]
pub struct OpsListener {
    /// Bound socket.
    pub socket: TcpListener,
    /// TLS of its connections; without it they are plaintext.
    pub tls: Option<ServerTls>,
}

/// Runs a service, with an operations port if there is a listener for it.
///
/// Prints `NAME operations on ADDR` to standard output. The port answers from before the service starts until it has
/// ended, so that probes see the start and the end.
///
/// # Errors
/// [`TaskDied`] if the task of the port has died. The service then drains.
pub async fn run_with_port<T>(
    name: &str,
    listener: Option<OpsListener>,
    limits: OpsLimits,
    life: &Lifecycle,
    service: impl AsyncFnOnce(Endpoints) -> T,
) -> Result<T, TaskDied> {
    let endpoints = Endpoints::new(life.leaving().clone(), limits);
    let Some(listener) = listener else { return Ok(service(endpoints).await) };
    if let Ok(address) = listener.socket.local_addr() {
        output::out(&format!("{name} operations on {address}"));
    }
    let (tasks, mut connections) = (Tasks::new(life), JoinSet::new());
    let end = tasks.end();
    let accepting = async {
        let accepting = accept(&listener, limits, &endpoints, &end, &mut connections);
        let _: Option<Infallible> = end.run_until_cancelled(accepting).await;
    };
    let (ended, ()) = tokio::join!(
        async {
            let ended = service(endpoints.clone()).await;
            end.cancel();
            ended
        },
        tasks.run("operations port", accepting)
    );
    drop(listener);
    let _ = timeout(limits.grace, async { while connections.join_next().await.is_some() {} }).await;
    tasks.result()?;
    Ok(ended)
}

/// Serves each new connection.
async fn accept(
    listener: &OpsListener,
    limits: OpsLimits,
    endpoints: &Endpoints,
    end: &Shutdown,
    connections: &mut JoinSet<()>,
) -> Infallible {
    let room = Arc::new(Semaphore::new(limits.connections));
    loop {
        // The semaphore is never closed.
        let place = Arc::clone(&room).acquire_owned().await;
        while connections.try_join_next().is_some() {}
        match listener.socket.accept().await {
            Ok((stream, peer)) => {
                let (tls, endpoints, end) = (listener.tls.clone(), endpoints.clone(), end.clone());
                connections.spawn(async move {
                    let begun = end.run_until_cancelled(begin(stream, peer, tls, limits.head)).await;
                    if let Some(stream) = begun.flatten() {
                        serve(stream, peer, limits, endpoints, end).await;
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection to the operations port could not be accepted");
                sleep(ACCEPT_RETRY_INTERVAL).await;
            }
        }
    }
}

/// Waits for the TLS handshake, if the port uses TLS.
async fn begin(stream: TcpStream, peer: SocketAddr, tls: Option<ServerTls>, limit: Duration) -> Option<Transport> {
    match tls {
        Some(tls) => tls.accept_operations(stream, peer, limit).await.ok(),
        None => Some(Transport::Plain(stream)),
    }
}

/// Reads the text of a body; `None` if it is too long, or not UTF-8.
async fn read_text(body: &mut Incoming) -> Option<String> {
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        text.extend_from_slice(frame.ok()?.data_ref().map_or(&[][..], |data| data));
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
    }
    String::from_utf8(text).ok()
}

/// Serves a connection until it ends, reaches its age, or the service ends.
async fn serve(stream: Transport, peer: SocketAddr, limits: OpsLimits, endpoints: Endpoints, end: Shutdown) {
    let answer = service_fn(|request: http::Request<Incoming>| {
        let endpoints = endpoints.clone();
        async move {
            let (head, mut body) = request.into_parts();
            let (method, path) = (&head.method, head.uri.path());
            let text = if endpoints.reads_body(method, path) {
                timeout(limits.head, read_text(&mut body)).await.ok().flatten()
            } else {
                None
            };
            // The bytes of an unread body must not be parsed as the next request, so the connection ends.
            let is_last = !body.is_end_stream();
            let request = EndpointRequest::new(&head.headers, peer);
            let answer = endpoints.answer(method, path, request, text.as_deref()).await;
            Ok::<_, Infallible>(answer.into_http(is_last))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(limits.head_fields)
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = async { tokio::select! { () = end.cancelled() => {}, () = sleep(limits.age) => {} } } => {
            connection.as_mut().graceful_shutdown();
            match timeout(limits.grace, connection).await {
                Ok(served) => served,
                Err(_elapsed) => return,
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the operations port has ended");
    }
}
