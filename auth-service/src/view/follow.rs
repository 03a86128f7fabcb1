//! The follower: the one task that reads the log and moves the view.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use kit::Clock;
use kit::shutdown::Shutdown;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Finder, History, PageOutcome, View};
use crate::domain::{LogId, Revocation};
use crate::stamp::stamp;
use crate::store::{LogPage, LogReader, Store, StoreError};

/// How often the log is looked at while nobody asks for it.
const EVERY: Duration = Duration::from_millis(200);

/// How soon a look follows another one that is wanted for the sake of a key alone.
const SELDOM: Duration = Duration::from_millis(50);

/// The pause after a look that has failed.
const AGAIN: Duration = Duration::from_millis(50);

/// How long a start waits for the first look.
const LOAD: Duration = Duration::from_secs(30);

/// How often what is over is taken out of the view.
const FORGET: Duration = Duration::from_mins(1);

/// How long a revocation is kept: the longest life of an access token, and an hour.
pub const REVOCATION_RETENTION: TimeDelta = TimeDelta::hours(25);

/// Reads the set of signing keys again.
pub type ReadKeys = Box<dyn Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

/// Reads the log and moves the view.
pub struct Follower {
    view: Arc<View>,
    store: Store,
    reader: LogReader,
    clock: Clock,
    read_keys: ReadKeys,
    forgot: Instant,
}

impl Follower {
    /// A follower that moves this view.
    pub fn new(view: Arc<View>, store: Store, clock: Clock, read_keys: ReadKeys) -> Self {
        let reader = store.log_reader();
        Self { view, store, reader, clock, read_keys, forgot: Instant::now() }
    }

    /// Looks until the view is complete for the first time, for half a minute at the most.
    ///
    /// # Errors
    /// [`StoreError`] of the last look.
    pub async fn load(&mut self) -> Result<(), StoreError> {
        let give_up = Instant::now() + LOAD;
        loop {
            match self.look().await {
                Err(StoreError::Unavailable(_)) if Instant::now() < give_up => sleep(AGAIN).await,
                looked => return looked,
            }
        }
    }

    /// Looks again and again, whenever it is time or somebody asks, until it is told to stop.
    pub async fn follow(mut self, stop: Shutdown) {
        let _ = stop.run_until_cancelled(Box::pin(self.look_on())).await;
        self.reader.close().await;
    }

    async fn look_on(&mut self) -> std::convert::Infallible {
        let mut is_away = false;
        loop {
            let begun = Instant::now();
            match self.look().await {
                Ok(()) => {
                    if is_away {
                        tracing::info!("the log of revocations is read again: tokens are judged");
                        is_away = false;
                    }
                    self.forget();
                    tokio::select! {
                        () = sleep_until(begun + EVERY) => {}
                        () = self.view.nudge.notified() => {}
                        () = self.wished(begun + SELDOM) => {}
                    }
                }
                Err(error) => {
                    self.view.is_away.store(true, SeqCst);
                    // Whoever waits for a look is told that there is none to wait for.
                    self.view.looked.send_modify(|_| {});
                    if !is_away {
                        let cause = &error as &(dyn std::error::Error + 'static);
                        tracing::warn!(cause, "the log of revocations cannot be read: no token is judged until it is");
                        is_away = true;
                    }
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Waits until somebody wants a look for the sake of a key, and then until its time has come.
    async fn wished(&self, not_before: Instant) {
        self.view.wish.notified().await;
        sleep_until(not_before).await;
    }

    /// Reads on until the end of the log.
    async fn look(&mut self) -> Result<(), StoreError> {
        let number = self.view.begun.fetch_add(1, SeqCst) + 1;
        self.settle_lost().await?;
        loop {
            let next = self.view.read().next();
            let (page, asked) = self.page(next).await?;
            self.keys_of(&page).await?;
            let taken = self.view.write().take(&page, asked);
            if self.view.read().next() != next {
                self.view.moved.send_replace(());
            }
            match taken {
                PageOutcome::Complete => break,
                PageOutcome::More => {}
                PageOutcome::Forked => {
                    let known = self.view.read().position().map(|position| position.log);
                    // A log that has another identity by now keeps that one.
                    let next = if known == Some(page.log) { new_id() } else { page.log };
                    self.begin_anew(page.log, next, Finder::Replica).await?;
                    break;
                }
            }
        }
        self.view.is_away.store(false, SeqCst);
        self.view.looked.send_replace(number);
        Ok(())
    }

    /// Begins the log anew if a guard was told what the log has lost. Until that is done no look makes the view fresh.
    async fn settle_lost(&mut self) -> Result<(), StoreError> {
        let Some(lost) = *self.view.lost() else { return Ok(()) };
        let known = self.view.read().position();
        // A log with another identity has begun since.
        if let Some(known) = known.filter(|known| known.log == lost.log) {
            let (guard, log) = (lost.last.revision, known.last.revision);
            tracing::error!(guard, log, "a guard was told entries of the log of revocations that the log has lost");
            self.begin_anew(lost.log, new_id(), Finder::Guard).await?;
        }
        self.view.lost().take_if(|position| *position == lost);
        Ok(())
    }

    /// Makes every token that was issued until now refused, also by replicas that read the log later: the log has lost
    /// entries, and it is unknown which ones. A log that is no longer `seen` has been begun anew by another replica since.
    async fn begin_anew(&mut self, seen: LogId, next: LogId, finder: Finder) -> Result<(), StoreError> {
        tracing::error!("the log of revocations has lost entries: every token that was issued until now is refused");
        if self.store.begin_log_anew(seen, next, stamp(self.clock.now())).await?.is_some() {
            self.view.forks_of(finder).fetch_add(1, SeqCst);
        }
        let successor = self.view.read().successor();
        let history = self.load_whole(successor).await?;
        // After the log: what has been read of it says no more of the keys than is known.
        (self.read_keys)().await?;
        *self.view.write() = history;
        self.view.moved.send_replace(());
        Ok(())
    }

    /// Reads the whole log into this history, which knows nothing yet.
    async fn load_whole(&mut self, empty: History) -> Result<History, StoreError> {
        let mut history = empty.clone();
        loop {
            let (page, asked) = self.page(history.next()).await?;
            match history.take(&page, asked) {
                PageOutcome::Complete => return Ok(history),
                PageOutcome::More => {}
                // It is being changed at this moment.
                PageOutcome::Forked => history = empty.clone(),
            }
        }
    }

    /// A page of the log, and when it was asked for.
    async fn page(&mut self, from: i64) -> Result<(LogPage, Duration), StoreError> {
        let asked = self.view.uptime.now();
        let page = self.reader.poll(from).await?;
        Ok((page, asked))
    }

    /// Reads the signing keys again before the view says that it knows of their change.
    async fn keys_of(&self, page: &LogPage) -> Result<(), StoreError> {
        let is_about_keys =
            |revocation: &Revocation| matches!(revocation, Revocation::NewSigningKeys | Revocation::SigningKey(_));
        let next = self.view.read().next();
        let mut new = page.entries.iter().filter(|entry| entry.logged.revision > next);
        if new.any(|entry| is_about_keys(&entry.revocation)) { (self.read_keys)().await } else { Ok(()) }
    }

    /// Takes out of the view what the horizon refuses in any case. What is over leaves the log by another task: a look must not
    /// wait for a write.
    fn forget(&mut self) {
        if self.forgot.elapsed() >= FORGET {
            self.forgot = Instant::now();
            self.view.write().contents_mut().forget(self.clock.now() - REVOCATION_RETENTION);
        }
    }
}

/// Returns an identity for a log that begins anew.
fn new_id() -> LogId {
    LogId(kit::random::bytes())
}
