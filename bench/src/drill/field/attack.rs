//! Attackers on connections of their own, which ignore the usual behavior of HTTP/2 clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use h2::client::{Builder, SendRequest};
use http::{HeaderValue, Request};
use rustix::process::setpriority_process;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::codegen::Bytes;

use crate::Failure;

/// Pause of an attacker before it connects again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// HTTP/2's default window.
pub(super) const DEFAULT_WINDOW_BYTES: u32 = 65_535;

/// The nice value of the attackers. In the field they run on other machines, so here the services and the good callers
/// have priority.
const ATTACKER_NICENESS: i32 = 10;

/// Threads of the attackers.
const ATTACKER_THREADS: usize = 2;

/// A running attack, which ends when the value is dropped.
pub(super) struct Attack {
    /// The attackers' own threads; `None` at the end.
    runtime: Option<Runtime>,
    /// Requests that were sent.
    pub(super) count: Arc<AtomicU64>,
    note: &'static str,
}

/// One kind of request, which every stream of every connection sends.
#[derive(Clone)]
pub(super) struct Stream {
    pub(super) path: String,
    pub(super) token: Option<String>,
    pub(super) body: Bytes,
    /// Set if the request ends with the body; otherwise it is held open.
    pub(super) ends: bool,
    /// The stream's window in bytes; no part of an answer is ever released.
    pub(super) window: u32,
    /// The time from the end of an answer to the next request.
    pub(super) pause: Duration,
    /// The time between the openings of two streams of a connection.
    pub(super) ramp: Duration,
}

impl Attack {
    /// Returns an attack without attackers; `note` describes its requests.
    pub(super) fn new(note: &'static str) -> Result<Self, Failure> {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        threads.worker_threads(ATTACKER_THREADS).thread_name("attacker").enable_all();
        // On Linux each thread has its own priority. If setting it fails, the attack is only stronger.
        threads.on_thread_start(|| {
            let _ = setpriority_process(None, ATTACKER_NICENESS);
        });
        Ok(Self { runtime: Some(threads.build()?), count: Arc::default(), note })
    }

    /// Opens this many connections, each with this many streams. All streams send this request repeatedly.
    pub(super) fn streams(
        note: &'static str,
        at: &str,
        [connections, streams]: [usize; 2],
        stream: &Stream,
    ) -> Result<Self, Failure> {
        let attack = Self::new(note)?;
        for _ in 0..connections {
            let (at, stream, count) = (at.to_owned(), stream.clone(), Arc::clone(&attack.count));
            attack.add(async move {
                loop {
                    // After a refused or ended connection, the attacker connects again.
                    let _ = connection(&at, streams, &stream, &count).await;
                    sleep(RECONNECT_PAUSE).await;
                }
            });
        }
        Ok(attack)
    }

    /// Adds an attacker.
    pub(super) fn add(&self, attacker: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(attacker);
        }
    }

    /// Ends the attack, and returns lines about the requests it sent.
    pub(super) fn end(self) -> Vec<String> {
        vec![format!("{} {}", self.count.load(Ordering::Relaxed), self.note)]
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        // An async context must not wait for another runtime's threads.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Runs one connection until the service ends it.
async fn connection(at: &str, streams: usize, stream: &Stream, count: &Arc<AtomicU64>) -> Result<(), Failure> {
    let tcp = TcpStream::connect(at).await?;
    tcp.set_nodelay(true)?;
    let mut builder = Builder::new();
    builder.initial_window_size(stream.window);
    let (send, connection) = builder.handshake(tcp).await?;
    let open = async {
        let mut all = JoinSet::new();
        for _ in 0..streams {
            let (send, stream, count) = (send.clone(), stream.clone(), Arc::clone(count));
            sleep(stream.ramp).await;
            all.spawn(async move {
                // Runs until the connection is lost, which the connection's own future reports.
                while send_one(&send, &stream, &count).await.is_ok() {
                    sleep(stream.pause).await;
                }
            });
        }
        std::future::pending().await
    };
    tokio::select! {
        ended = connection => Ok(ended?),
        never = open => never,
    }
}

/// Runs one stream until the service ends it.
async fn send_one(send: &SendRequest<Bytes>, stream: &Stream, count: &AtomicU64) -> Result<(), h2::Error> {
    let mut send = send.clone().ready().await?;
    let (answer, mut request) = send.send_request(stream.request(), false)?;
    count.fetch_add(1, Ordering::Relaxed);
    // A stream that was reset is opened again; a lost connection fails at the next request.
    let _ = request.send_data(stream.body.clone(), stream.ends);
    if let Ok(answer) = answer.await {
        let mut body = answer.into_body();
        while let Some(Ok(_)) = body.data().await {}
    }
    Ok(())
}

impl Stream {
    /// Returns calls of a method without a pause, with HTTP/2's default window.
    pub(super) fn of(path: &str, body: Bytes) -> Self {
        Self {
            path: path.to_owned(),
            token: None,
            body,
            ends: true,
            window: DEFAULT_WINDOW_BYTES,
            pause: Duration::ZERO,
            ramp: Duration::ZERO,
        }
    }

    fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = format!("http://localhost{}", self.path).parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        headers.insert("te", HeaderValue::from_static("trailers"));
        if let Some(token) = self.token.as_deref().and_then(|token| token.parse().ok()) {
            headers.insert("api-token", token);
        }
        request
    }
}

/// Returns a message in gRPC's frame, uncompressed.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat().into()
}
