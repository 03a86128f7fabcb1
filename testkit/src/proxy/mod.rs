//! A network with faults on command: a TCP proxy in front of a server.
//!
//! A client connects to [`Proxy::address`] and talks to the server behind it. A fault begins with its call, for existing and
//! new connections, and lasts until the next call.

mod line;
mod link;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::apart::runtime;
use link::{ProxyRoute, ProxyTarget, serve};
use state::{Mode, ProxyState};

/// Longer than any test needs to send a request.
const FIRE_TIMEOUT: Duration = Duration::from_mins(1);

/// A proxy on a port of `127.0.0.1`, on its own thread, so that it serves tests of any runtime. Dropping the value closes its
/// connections and frees its port.
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<ProxyState>,
    route: Arc<ProxyRoute>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of a Unix socket, which need not exist yet.
    ///
    /// # Panics
    /// Panics if the machine has no free port.
    pub fn to_socket(path: impl AsRef<Path>) -> Self {
        Self::start(ProxyTarget::Socket(path.as_ref().to_owned()))
    }

    /// Starts a proxy in front of a TCP server, which need not run yet.
    ///
    /// # Panics
    /// Panics if the machine has no free port.
    pub fn to_address(address: SocketAddr) -> Self {
        Self::start(ProxyTarget::Address(address))
    }

    #[expect(clippy::expect_used, reason = "no test can run without a port")]
    fn start(target: ProxyTarget) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("a listener has an address");
        let (state, seen) = watch::channel(ProxyState::default());
        let (end, ended) = oneshot::channel();
        let fired = state.clone();
        let route = Arc::new(ProxyRoute::new(target));
        let shared_route = Arc::clone(&route);
        let thread = thread::spawn(move || {
            runtime().block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener for tokio");
                tokio::select! {
                    () = serve(listener, shared_route, seen, fired) => (),
                    _ = ended => (),
                }
            });
        });
        Self { address, state, route, end: Some(end), thread: Some(thread) }
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards new connections to this Unix socket, like an address that has moved. Existing connections stay.
    pub fn lead_to_socket(&self, path: impl AsRef<Path>) {
        self.route.set_target(ProxyTarget::Socket(path.as_ref().to_owned()));
    }

    /// Returns the number of connections. Connections that [`Self::cut`] refused do not count.
    pub fn connections(&self) -> usize {
        self.route.connections()
    }

    /// Forwards everything, as at the start, including the bytes that a [black hole](Self::black_hole) held back.
    pub fn pass(&self) {
        self.set_mode(Mode::Pass);
    }

    /// Closes all connections on both sides, and new connections after their accept, like a server that is gone. Bytes
    /// sent after this call do not arrive.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.mode = Mode::Cut;
            state.cuts += 1;
        });
    }

    /// Keeps all connections open and forwards nothing, not even a close, like a network that loses all packets. The bytes
    /// are held until [`Self::pass`].
    pub fn black_hole(&self) {
        self.set_mode(Mode::BlackHole);
    }

    /// Stops forwarding on the existing connections permanently, without closing them. New connections are forwarded.
    /// This acts like a balancer whose current server has vanished.
    pub fn vanish(&self) {
        self.state.send_modify(|state| state.vanishings += 1);
    }

    /// Forwards requests, and drops answers and closes of the server. A connection with a dropped answer is closed once the
    /// server has closed it and another mode applies.
    pub fn half_open(&self) {
        self.set_mode(Mode::HalfOpen);
    }

    /// Drops one answer: after a client has sent these bytes, the server's next answer closes the client's connection.
    ///
    /// With `b"commit"`, a transaction is committed, but the client gets no answer. The fault happens once, on the
    /// first connection. Then everything is forwarded. The match ignores the case of ASCII letters and may span
    /// packets. An answer is the next bytes of the server, so a client that pipelines requests loses an earlier answer.
    ///
    /// # Panics
    /// Panics if the pattern is empty.
    pub fn cut_on_answer_of(&self, pattern: &[u8]) {
        self.lose_answer_of(pattern, false);
    }

    /// Drops one answer like [`Self::cut_on_answer_of`], then acts like [`Self::cut`]. With `b"commit"`, a transaction
    /// is committed, but the client cannot find out.
    ///
    /// # Panics
    /// Panics if the pattern is empty.
    pub fn go_on_answer_of(&self, pattern: &[u8]) {
        self.lose_answer_of(pattern, true);
    }

    fn lose_answer_of(&self, pattern: &[u8], for_good: bool) {
        assert!(!pattern.is_empty(), "the pattern is empty");
        let pattern = pattern.to_ascii_lowercase().into();
        self.state.send_modify(|state| {
            state.mode = Mode::CutOnAnswer(pattern, for_good);
            state.fired = false;
        });
    }

    /// Forwards this number of requests over all connections, then acts like a [black hole](Self::black_hole).
    ///
    /// This acts like a client that freezes after its requests. The answer to the last request is held back. A request
    /// is one piece that a client sends.
    ///
    /// # Panics
    /// Panics for 0 requests: use [`Self::black_hole`] for that.
    pub fn freeze_after(&self, requests: usize) {
        assert!(requests > 0, "a black hole lets no request pass");
        self.state.send_modify(|state| {
            state.mode = Mode::FreezeAfter(requests);
            state.fired = false;
        });
    }

    /// Returns the number of forwarded requests since the start, over all connections; a request is one piece of a client.
    pub fn requests(&self) -> u64 {
        self.state.borrow().requests
    }

    /// Waits for the fault of [`Self::cut_on_answer_of`], [`Self::go_on_answer_of`] or [`Self::freeze_after`].
    ///
    /// # Panics
    /// Panics after a minute: the test sent no request that matches.
    pub async fn fired(&self) {
        let mut state = self.state.subscribe();
        // The borrowed proxy keeps the sender, so the wait itself cannot fail.
        let fired = timeout(FIRE_TIMEOUT, state.wait_for(|state| state.fired)).await;
        assert!(fired.is_ok(), "no request has caused the fault of the proxy within {FIRE_TIMEOUT:?}");
    }

    /// Delays forwarded bytes by this time in each direction; zero ends the delay. Bytes in transit may be merged, so a stream
    /// is delayed by at most twice the time.
    pub fn latency(&self, each_way: Duration) {
        self.state.send_modify(|state| state.latency = each_way);
    }

    fn set_mode(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the proxy has been printed.
            drop(thread.join());
        }
    }
}
