//! An attacker: a connection that sends its frames until the server ends it, and then another one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::super::attack::Attack;
use super::frames::{ACK, PING, ServerFrames, frame};
use crate::Failure;

/// Pause of an attacker before it connects again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// Frames of one round; rounds count from 0.
pub(super) type Round = Arc<dyn Fn(u32) -> Vec<u8> + Send + Sync>;

/// One kind of attacker.
#[derive(Clone)]
pub(super) struct Attacker {
    /// Bytes at the start of the connection.
    pub(super) opening: Vec<u8>,
    /// Frames that follow; `None` sends nothing more.
    pub(super) round: Option<Round>,
    /// Time between two rounds.
    pub(super) pause: Duration,
    /// Number of streams: once they have ended, the attack is over, even if the connection stays open.
    pub(super) streams: Option<usize>,
    /// Set if the attacker answers the server's pings, and so looks alive.
    pub(super) answers_pings: bool,
}

/// Lifetimes of the attackers' connections.
#[derive(Debug, Default)]
pub(super) struct Lives {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Instant>>,
    /// Number of ended connections, and the longest lifetime.
    ended: Mutex<(u64, Duration)>,
}

impl Lives {
    fn begin(&self) -> u64 {
        let id = self.next.fetch_add(1, Relaxed);
        lock(&self.open).insert(id, Instant::now());
        id
    }

    fn end(&self, id: u64) {
        if let Some(begun) = lock(&self.open).remove(&id) {
            let (count, longest) = &mut *lock(&self.ended);
            (*count, *longest) = (*count + 1, (*longest).max(begun.elapsed()));
        }
    }

    /// Returns the longest lifetime in seconds, open connections included.
    pub(super) fn longest(&self) -> f64 {
        let oldest = lock(&self.open).values().map(Instant::elapsed).max().unwrap_or_default();
        oldest.max(lock(&self.ended).1).as_secs_f64()
    }

    /// Returns the number of ended connections, and the number of open connections.
    pub(super) fn counts(&self) -> (u64, usize) {
        (lock(&self.ended).0, lock(&self.open).len())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Attacker {
    /// Starts this many attackers of the service at this address.
    pub(super) fn start(&self, at: &str, connections: usize, lives: &Arc<Lives>) -> Result<Attack, Failure> {
        let attack = Attack::new("connections")?;
        for _ in 0..connections {
            let (at, attacker, lives) = (at.to_owned(), self.clone(), Arc::clone(lives));
            let count = Arc::clone(&attack.count);
            attack.add(async move {
                loop {
                    if let Ok(stream) = TcpStream::connect(&at).await {
                        count.fetch_add(1, Relaxed);
                        let id = lives.begin();
                        attacker.run(stream).await;
                        lives.end(id);
                    }
                    sleep(RECONNECT_PAUSE).await;
                }
            });
        }
        Ok(attack)
    }

    /// Attacks until the server ends the connection or all streams.
    async fn run(&self, mut stream: TcpStream) {
        let (mut reader, writer) = stream.split();
        let writer = tokio::sync::Mutex::new(writer);
        let writing = async {
            // A lost connection ends the reader too.
            let _ = writer.lock().await.write_all(&self.opening).await;
            let Some(round) = &self.round else { return std::future::pending().await };
            for number in 0.. {
                if writer.lock().await.write_all(&round(number)).await.is_err() {
                    break;
                }
                sleep(self.pause).await;
            }
        };
        let reading = async {
            let (mut bytes, mut seen) = ([0; 4 * 1024], ServerFrames::default());
            while self.streams.is_none_or(|streams| seen.ended < streams) {
                match reader.read(&mut bytes).await {
                    Ok(read) if read > 0 => seen.follow(&bytes[..read]),
                    _ => break,
                }
                let pings = std::mem::take(&mut seen.pings);
                if self.answers_pings && pings > 0 {
                    let answers = frame(PING, ACK, 0, &[0; 8]).repeat(pings);
                    let _ = writer.lock().await.write_all(&answers).await;
                }
            }
        };
        tokio::select! {
            () = writing => {}
            () = reading => {}
        }
    }
}
