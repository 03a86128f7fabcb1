//! Connections of a proxy: each is two streams, and the bytes between them.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch::{Receiver, Sender};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::line::{PieceQueue, until};
use super::state::{Mode, ProxyState, Search};

/// Largest piece that is forwarded at once, in bytes.
const MAX_PIECE_BYTES: usize = 64 * 1024;

/// Pause after a failed accept.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(10);

/// Address of the server behind the proxy.
#[derive(Clone)]
pub(super) enum ProxyTarget {
    Socket(PathBuf),
    Address(SocketAddr),
}

trait ProxyStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> ProxyStream for S {}

impl ProxyTarget {
    async fn connect(&self) -> io::Result<Box<dyn ProxyStream>> {
        Ok(match self {
            Self::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Self::Address(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        })
    }
}

/// Current server behind the proxy, and the number of connections.
pub(super) struct ProxyRoute {
    target: Mutex<ProxyTarget>,
    connections: AtomicUsize,
}

impl ProxyRoute {
    pub(super) fn new(target: ProxyTarget) -> Self {
        Self { target: Mutex::new(target), connections: AtomicUsize::new(0) }
    }

    pub(super) fn set_target(&self, target: ProxyTarget) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection, and returns its server.
    fn next_target(&self) -> ProxyTarget {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Accepts connections forever. They end with the future.
pub(super) async fn serve(
    listener: TcpListener,
    route: Arc<ProxyRoute>,
    seen: Receiver<ProxyState>,
    fired: Sender<ProxyState>,
) {
    let mut links = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // The client has gone, or this process has too many open files. No event reports that files were closed.
            sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        while links.try_join_next().is_some() {}
        let (cuts, born, is_cut) = {
            let state = seen.borrow();
            (state.cuts, state.vanishings, matches!(state.mode, Mode::Cut))
        };
        if is_cut {
            continue;
        }
        let (target, mut cut) = (route.next_target(), seen.clone());
        let link = Link { state: seen.clone(), fired: fired.clone(), born, waits: AtomicBool::new(false) };
        links.spawn(async move {
            tokio::select! {
                // This branch comes first, so that bytes sent after a cut are not forwarded.
                biased;
                _ = cut.wait_for(|state| state.cuts != cuts) => (),
                // If one side fails, both are closed.
                _ = link.run(client, target) => (),
            }
        });
    }
}

/// One connection.
struct Link {
    state: Receiver<ProxyState>,
    fired: Sender<ProxyState>,
    /// Count of vanishings when the connection was accepted.
    born: u64,
    /// Set once the client has sent the bytes whose answer must be lost.
    waits: AtomicBool,
}

impl Link {
    async fn run(&self, client: TcpStream, target: ProxyTarget) -> io::Result<()> {
        client.set_nodelay(true)?;
        // A refused connection would be an answer too, so a black hole delays the connection.
        self.until(|state| !self.is_held(state)).await?;
        let (from_client, to_client) = split(client);
        let (from_server, to_server) = split(target.connect().await?);
        tokio::try_join!(self.requests(from_client, to_server), self.answers(from_server, to_client)).map(drop)
    }

    /// Forwards from the client to the server.
    async fn requests(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let (mut line, mut search) = (PieceQueue::new(MAX_PIECE_BYTES), Search::default());
        loop {
            let piece = self.read(&mut from, &mut line).await?;
            if piece.is_empty() {
                return to.shutdown().await;
            }
            let pattern = match &self.state.borrow().mode {
                Mode::CutOnAnswer(pattern, _) => Some(pattern.clone()),
                _ => None,
            };
            if pattern.is_some_and(|pattern| search.sees(&piece, &pattern)) {
                // Set before the forwarding, because the answer may be faster than this task.
                self.waits.store(true, Ordering::Relaxed);
            }
            // Counted before the server gets the request, so that the answer to the last request is held back.
            self.fired.send_modify(ProxyState::count);
            to.write_all(&piece).await?;
        }
    }

    /// Forwards from the server to the client.
    async fn answers(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut line = PieceQueue::new(MAX_PIECE_BYTES);
        loop {
            let piece = self.read(&mut from, &mut line).await?;
            if self.state.borrow().is_half_open() {
                if !piece.is_empty() {
                    continue;
                }
                self.until(|state| !state.is_half_open() && !self.is_held(state)).await?;
            }
            if piece.is_empty() {
                return to.shutdown().await;
            }
            if self.waits.load(Ordering::Relaxed) && self.fire() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            to.write_all(&piece).await?;
        }
    }

    /// Returns the next piece after its delay and any black hole. Returns an empty piece at the end of the stream.
    ///
    /// Pieces are in transit at the same time, so that a delay does not reduce the throughput.
    async fn read(&self, from: &mut (impl AsyncRead + Unpin), line: &mut PieceQueue) -> io::Result<Vec<u8>> {
        self.until(|state| !self.is_held(state)).await?;
        let piece = loop {
            let (arrives, has_room) = (line.arrives(), line.has_room());
            tokio::select! {
                biased;
                () = until(arrives) => break line.take(),
                read = from.read(line.room()), if has_room => {
                    let latency = self.state.borrow().latency;
                    line.push(read?, Instant::now() + latency);
                }
            }
        };
        self.until(|state| !self.is_held(state)).await?;
        Ok(piece)
    }

    /// Returns true if this connection loses its answer. Then all later bytes are forwarded, or all connections are cut.
    fn fire(&self) -> bool {
        self.waits.store(false, Ordering::Relaxed);
        self.fired.send_if_modified(|state| {
            let Mode::CutOnAnswer(_, for_good) = state.mode else { return false };
            state.mode = if for_good { Mode::Cut } else { Mode::Pass };
            state.cuts += u64::from(for_good);
            state.fired = true;
            true
        })
    }

    /// Returns true if the connection forwards nothing at present.
    fn is_held(&self, state: &ProxyState) -> bool {
        state.is_hole() || state.vanishings != self.born
    }

    /// Waits until the state matches.
    async fn until(&self, is: impl FnMut(&ProxyState) -> bool) -> io::Result<()> {
        let ended = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        self.state.clone().wait_for(is).await.map(drop).map_err(ended)
    }
}
