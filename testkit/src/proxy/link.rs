//! The connections of a proxy: each is two streams and what flows between them.

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

use super::line::{Line, until};
use super::state::{Mode, Search, State};

/// The most that is forwarded at once.
const PIECE: usize = 64 * 1024;

/// Before the next try to accept a connection.
const REFUSED: Duration = Duration::from_millis(10);

/// The server behind the proxy.
#[derive(Clone)]
pub(super) enum Target {
    Socket(PathBuf),
    Address(SocketAddr),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Target {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
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

/// The server behind the proxy, and the number of connections that were made through it.
pub(super) struct Leads {
    target: Mutex<Target>,
    connections: AtomicUsize,
}

impl Leads {
    pub(super) fn new(target: Target) -> Self {
        Self { target: Mutex::new(target), connections: AtomicUsize::new(0) }
    }

    pub(super) fn turn(&self, target: Target) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection, and returns where it goes.
    fn follow(&self) -> Target {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Accepts connections for ever. They end with the future.
pub(super) async fn serve(listener: TcpListener, leads: Arc<Leads>, seen: Receiver<State>, fired: Sender<State>) {
    let mut links = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // The client has gone, or this process has too many files open: no event says when that is over.
            sleep(REFUSED).await;
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
        let (target, mut cut) = (leads.follow(), seen.clone());
        let link = Link { state: seen.clone(), fired: fired.clone(), born, waits: AtomicBool::new(false) };
        links.spawn(async move {
            tokio::select! {
                // First, so that nothing is forwarded that came after it.
                biased;
                _ = cut.wait_for(|state| state.cuts != cuts) => (),
                // Whichever side fails, both are closed.
                _ = link.run(client, target) => (),
            }
        });
    }
}

/// One connection.
struct Link {
    state: Receiver<State>,
    fired: Sender<State>,
    /// The count of vanishings when it was made.
    born: u64,
    /// Whether the client has sent the bytes whose answer shall be lost.
    waits: AtomicBool,
}

impl Link {
    async fn run(&self, client: TcpStream, target: Target) -> io::Result<()> {
        client.set_nodelay(true)?;
        // Whether the server is there is an answer, too.
        self.until(|state| !self.is_held(state)).await?;
        let (from_client, to_client) = split(client);
        let (from_server, to_server) = split(target.connect().await?);
        tokio::try_join!(self.requests(from_client, to_server), self.answers(from_server, to_client)).map(drop)
    }

    /// From the client to the server.
    async fn requests(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let (mut line, mut search) = (Line::new(PIECE), Search::default());
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
                // Before they are forwarded: the answer may be faster than this task.
                self.waits.store(true, Ordering::Relaxed);
            }
            // Before the server has it: its answer to the last request is held back.
            self.fired.send_modify(State::count);
            to.write_all(&piece).await?;
        }
    }

    /// From the server to the client.
    async fn answers(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut line = Line::new(PIECE);
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

    /// Returns the next piece, once its delay is over and no black hole holds it; an empty one at the end. Pieces that come
    /// meanwhile are on their way at the same time: a delay takes nothing from the throughput.
    async fn read(&self, from: &mut (impl AsyncRead + Unpin), line: &mut Line) -> io::Result<Vec<u8>> {
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

    /// Reports whether this connection loses its answer; from then on everything is forwarded, or cut.
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

    /// Reports whether nothing is forwarded on this connection now.
    fn is_held(&self, state: &State) -> bool {
        state.is_hole() || state.vanishings != self.born
    }

    /// Waits for a state.
    async fn until(&self, is: impl FnMut(&State) -> bool) -> io::Result<()> {
        let ended = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        self.state.clone().wait_for(is).await.map(drop).map_err(ended)
    }
}
