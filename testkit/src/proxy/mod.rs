//! A network that fails when it is told to: a TCP proxy in front of a server.
//!
//! A client connects to [`Proxy::address`] and speaks with the server behind it. Each fault begins with its call, for
//! the connections that are there and for new ones, and lasts until the next call.

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

use crate::apart::runtime;
use link::{Leads, Target, serve};
use state::{Mode, State};

/// A proxy on a port of `127.0.0.1`, in a thread of its own: it works for the tests of any runtime. When the value is
/// dropped, its connections are closed and its port is free.
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    leads: Arc<Leads>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// In front of a server on a Unix socket. It need not be there yet.
    ///
    /// # Panics
    /// When the machine has no port.
    pub fn to_socket(path: impl AsRef<Path>) -> Self {
        Self::start(Target::Socket(path.as_ref().to_owned()))
    }

    /// In front of a server on TCP. It need not be there yet.
    ///
    /// # Panics
    /// When the machine has no port.
    pub fn to_address(address: SocketAddr) -> Self {
        Self::start(Target::Address(address))
    }

    #[expect(clippy::expect_used, reason = "no test can run without a port")]
    fn start(target: Target) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let address = listener.local_addr().expect("a listener has an address");
        let (state, seen) = watch::channel(State::default());
        let (end, ended) = oneshot::channel();
        let fired = state.clone();
        let leads = Arc::new(Leads::new(target));
        let followed = Arc::clone(&leads);
        let thread = thread::spawn(move || {
            runtime().block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener for tokio");
                tokio::select! {
                    () = serve(listener, followed, seen, fired) => (),
                    _ = ended => (),
                }
            });
        });
        Self { address, state, leads, end: Some(end), thread: Some(thread) }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections to the server on this Unix socket, as an address does that has moved. Those that are there
    /// stay where they are.
    pub fn lead_to_socket(&self, path: impl AsRef<Path>) {
        self.leads.turn(Target::Socket(path.as_ref().to_owned()));
    }

    /// Returns the number of connections that were made, but for those that [`Self::cut`] has refused.
    pub fn connections(&self) -> usize {
        self.leads.connections()
    }

    /// Forwards everything, as at the start. What a [black hole](Self::black_hole) held back goes on its way now.
    pub fn pass(&self) {
        self.turn(Mode::Pass);
    }

    /// Closes every connection at once, on both sides, and each new one as soon as it has been accepted: a server that
    /// has gone. Nothing that is sent after this call arrives.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.mode = Mode::Cut;
            state.cuts += 1;
        });
    }

    /// Accepts and keeps all connections and forwards nothing, in neither direction, not even that one side has closed: a
    /// network that loses every packet. Nothing is lost for good: what was sent is held until [`Self::pass`].
    pub fn black_hole(&self) {
        self.turn(Mode::BlackHole);
    }

    /// Forwards nothing more on the connections that are open, for good, and closes none of them; new ones are forwarded. A
    /// balancer whose present server has vanished.
    pub fn vanish(&self) {
        self.state.send_modify(|state| state.vanishings += 1);
    }

    /// Loses the answers: what clients send arrives, what the server sends is swallowed, its closing included. A
    /// connection that has lost something is closed only when the server closes it and something else than this applies.
    pub fn half_open(&self) {
        self.turn(Mode::HalfOpen);
    }

    /// Loses one answer: when a client has sent these bytes and the server has answered, the client's connection is closed
    /// instead. With `b"commit"`, a transaction is committed and nobody is told. It fires once, for the first connection,
    /// and then everything is forwarded.
    ///
    /// Small and capital letters of ASCII are the same. The bytes may be spread over packets. An answer is whatever the
    /// server sends next, so a client that asks ahead loses the answer to what it asked before.
    ///
    /// # Panics
    /// When there are no bytes to wait for.
    pub fn cut_on_answer_of(&self, pattern: &[u8]) {
        self.lose_answer_of(pattern, false);
    }

    /// Loses one answer like [`Self::cut_on_answer_of`], and has gone from then on like [`Self::cut`]. With `b"commit"`, a
    /// transaction is committed and no client can learn of it.
    ///
    /// # Panics
    /// When there are no bytes to wait for.
    pub fn go_on_answer_of(&self, pattern: &[u8]) {
        self.lose_answer_of(pattern, true);
    }

    fn lose_answer_of(&self, pattern: &[u8], for_good: bool) {
        assert!(!pattern.is_empty(), "every answer is one of no bytes");
        let pattern = pattern.to_ascii_lowercase().into();
        self.state.send_modify(|state| {
            state.mode = Mode::CutOnAnswer(pattern, for_good);
            state.fired = false;
        });
    }

    /// Lets this many requests pass, over all connections, and is a [black hole](Self::black_hole) from then on: a client
    /// that is frozen after having sent so much. The answer to the last of them is held back. A request is whatever a client
    /// sends at once.
    ///
    /// # Panics
    /// When no request is to pass: that is a black hole.
    pub fn freeze_after(&self, requests: usize) {
        assert!(requests > 0, "a black hole lets no request pass");
        self.state.send_modify(|state| {
            state.mode = Mode::FreezeAfter(requests);
            state.fired = false;
        });
    }

    /// Returns how many requests have passed since the start: whatever clients have sent at once, over all connections.
    pub fn requests(&self) -> u64 {
        self.state.borrow().requests
    }

    /// Waits until [`Self::cut_on_answer_of`] or [`Self::go_on_answer_of`] has closed a connection, or [`Self::freeze_after`] has let its last request
    /// pass. It has no limit of its own.
    pub async fn fired(&self) {
        // The proxy lives as long as it is borrowed, and keeps the sender.
        let _ = self.state.subscribe().wait_for(|state| state.fired).await;
    }

    /// Delays what is forwarded by this time in each direction, from now on; zero ends it. What is sent while something
    /// is delayed goes together after it, so a stream is slowed by twice the time at the most.
    pub fn latency(&self, each_way: Duration) {
        self.state.send_modify(|state| state.latency = each_way);
    }

    fn turn(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the proxy's has been printed.
            drop(thread.join());
        }
    }
}
