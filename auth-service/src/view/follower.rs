//! The follower: the only task that reads the log and moves the view.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use kit::Clock;
use kit::shutdown::Shutdown;
use tokio::time::{Instant, sleep, sleep_until};

use super::api_keys::Affected;
use super::{Finder, History, PageOutcome, View};
use crate::audit::AuditSource;
use crate::domain::{Actor, ApiKey, AuditKind, LogId, Revocation};
use crate::stamp::stamp;
use crate::store::{AuthStore, LogPage, LogReader, StoreError};

/// Time between two polls of the log without a request.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Shortest time between two polls that are requested only because of unknown keys.
const MIN_KEY_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Pause after a failed poll.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// Longest time that a start waits for the first complete poll.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Time between two removals of old entries from the view.
const FORGET_INTERVAL: Duration = Duration::from_mins(1);

/// Time for which a revocation is kept: the longest life of an access token, plus an hour.
pub const REVOCATION_RETENTION: TimeDelta = TimeDelta::hours(25);

/// Callback that reads the signing keys again.
pub type ReadKeys = Box<dyn Fn() -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

/// Task that reads the log and moves the view.
pub struct Follower {
    view: Arc<View>,
    store: AuthStore,
    reader: LogReader,
    clock: Clock,
    read_keys: ReadKeys,
    forgot: Instant,
}

impl Follower {
    /// Creates a follower that moves this view.
    pub fn new(view: Arc<View>, store: AuthStore, clock: Clock, read_keys: ReadKeys) -> Self {
        let reader = store.log_reader();
        Self { view, store, reader, clock, read_keys, forgot: Instant::now() }
    }

    /// Polls until the view is complete for the first time, for at most 30 s.
    ///
    /// # Errors
    /// [`StoreError`] of the last poll.
    pub async fn load(&mut self) -> Result<(), StoreError> {
        let give_up = Instant::now() + LOAD_TIMEOUT;
        loop {
            match self.poll().await {
                Err(StoreError::Unavailable(_)) if Instant::now() < give_up => sleep(RETRY_DELAY).await,
                polled => return polled,
            }
        }
    }

    /// Polls at each interval and at each request, until `stop`.
    pub async fn follow(mut self, stop: Shutdown) {
        let _ = stop.run_until_cancelled(Box::pin(self.poll_forever())).await;
        self.reader.close().await;
    }

    async fn poll_forever(&mut self) -> std::convert::Infallible {
        let mut is_away = false;
        loop {
            let begun = Instant::now();
            match self.poll().await {
                Ok(()) => {
                    if is_away {
                        tracing::info!("log of revocations readable again: tokens are verified");
                        is_away = false;
                    }
                    self.forget();
                    tokio::select! {
                        () = sleep_until(begun + POLL_INTERVAL) => {}
                        () = self.view.poll_request.notified() => {}
                        () = self.key_poll_due(begun + MIN_KEY_POLL_INTERVAL) => {}
                    }
                }
                Err(error) => {
                    self.view.is_away.store(true, SeqCst);
                    // Wakes the callers that wait for a poll, so that they fail now.
                    self.view.polled.send_modify(|_| {});
                    if !is_away {
                        let cause = &error as &(dyn std::error::Error + 'static);
                        tracing::warn!(cause, "log of revocations unreadable: no token is verified for now");
                        is_away = true;
                    }
                    sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Waits for a request that was made because of an unknown key, then until `not_before`.
    async fn key_poll_due(&self, not_before: Instant) {
        self.view.key_poll_request.notified().await;
        sleep_until(not_before).await;
    }

    /// Polls: reads the log up to its end.
    async fn poll(&mut self) -> Result<(), StoreError> {
        let number = self.view.begun.fetch_add(1, SeqCst) + 1;
        self.restart_lost_log().await?;
        loop {
            let next = self.view.read().next();
            let (page, asked) = self.page(next).await?;
            // After a loss, the view still tells which keys were revoked.
            if !self.view.read().is_contradicted(&page) {
                self.keys_of(&page).await?;
                self.api_keys_of(&page).await?;
            }
            let taken = self.view.write().take(&page, asked);
            if self.view.read().next() != next {
                self.view.moved.send_replace(());
            }
            match taken {
                PageOutcome::Complete => break,
                PageOutcome::More => {}
                PageOutcome::Forked => {
                    let known = self.view.read().position().map(|position| position.log);
                    // If the log has another identity by now, another replica has restarted it.
                    let next = if known == Some(page.log) { new_id() } else { page.log };
                    self.restart_log(page.log, next, Finder::Replica).await?;
                    break;
                }
            }
        }
        self.view.is_away.store(false, SeqCst);
        self.view.polled.send_replace(number);
        Ok(())
    }

    /// Restarts the log if a guard knew entries that the log has lost. No poll makes the view fresh before the restart.
    async fn restart_lost_log(&mut self) -> Result<(), StoreError> {
        let Some(lost) = *self.view.lost() else { return Ok(()) };
        let known = self.view.read().position();
        // A log with another identity has replaced it by now.
        if let Some(known) = known.filter(|known| known.log == lost.log) {
            let (guard, log) = (lost.last.revision, known.last.revision);
            tracing::error!(guard, log, "log of revocations has lost entries that a guard knows");
            self.restart_log(lost.log, new_id(), Finder::Guard).await?;
        }
        self.view.lost().take_if(|position| *position == lost);
        Ok(())
    }

    /// Restarts the log, which has lost unknown entries. Every token issued until now is refused, also by replicas that
    /// read the log later. If the log's identity is no longer `seen`, another replica has restarted it already.
    async fn restart_log(&mut self, seen: LogId, next: LogId, finder: Finder) -> Result<(), StoreError> {
        tracing::error!(
            "log of revocations has lost entries: all tokens issued until now are refused; API keys have the state of the database: list them"
        );
        if self.store.begin_log_anew(seen, next, stamp(self.clock.now())).await?.is_some() {
            self.view.forks_of(finder).fetch_add(1, SeqCst);
        }
        self.revoke_again().await?;
        let successor = self.view.read().successor();
        let history = self.load_whole(successor).await?;
        // The keys are read after the log and before the view changes: the view must not show a key change without its
        // keys.
        (self.read_keys)().await?;
        self.read_api_keys(Affected::All).await?;
        *self.view.write() = history;
        self.view.moved.send_replace(());
        Ok(())
    }

    /// Revokes the API keys that this replica knows as revoked, and that the loss has brought back to life.
    async fn revoke_again(&mut self) -> Result<(), StoreError> {
        let is_known = |row: &ApiKey| self.view.api_key(row.id).is_some_and(|known| known.revoke_time.is_some());
        for row in self.reader.all_api_keys().await? {
            let mut dead = Some(row).filter(|row| is_known(row));
            // After a write in between, the row has another version.
            while let Some(row) = dead.filter(|row| row.revoke_time.is_none()) {
                let event = AuditSource::new(self.clock.clone()).event(AuditKind::ApiKeyRevoked, Actor::System);
                let event = event.about_api_key(row.id);
                let done =
                    self.store.replace_api_key(&row, &row.revoked(event.time), stamp(event.time), &event).await?;
                dead = if done.is_some() { None } else { self.store.api_key(row.id).await? };
            }
        }
        Ok(())
    }

    /// Reads the whole log into this empty history.
    async fn load_whole(&mut self, empty: History) -> Result<History, StoreError> {
        let mut history = empty.clone();
        loop {
            let (page, asked) = self.page(history.next()).await?;
            match history.take(&page, asked) {
                PageOutcome::Complete => return Ok(history),
                PageOutcome::More => {}
                // The log changed during the read.
                PageOutcome::Forked => history = empty.clone(),
            }
        }
    }

    /// Reads a page of the log. Returns it with the time of its request.
    async fn page(&mut self, from: i64) -> Result<(LogPage, Duration), StoreError> {
        let asked = self.view.uptime.now();
        let page = self.reader.poll(from).await?;
        Ok((page, asked))
    }

    /// Reads the signing keys again if the page changes them, before the view knows of the change.
    async fn keys_of(&self, page: &LogPage) -> Result<(), StoreError> {
        let is_about_keys =
            |revocation: &Revocation| matches!(revocation, Revocation::NewSigningKeys | Revocation::SigningKey(_));
        let next = self.view.read().next();
        let mut new = page.entries.iter().filter(|entry| entry.logged.revision > next);
        if new.any(|entry| is_about_keys(&entry.revocation)) { (self.read_keys)().await } else { Ok(()) }
    }

    /// Reads the API keys that the page is about, before the view knows of their entries.
    async fn api_keys_of(&mut self, page: &LogPage) -> Result<(), StoreError> {
        let affected = Affected::by_page(self.view.read().position(), page);
        self.read_api_keys(affected).await
    }

    /// Reads API keys on the connection of the log. Keys that are gone leave the view.
    async fn read_api_keys(&mut self, affected: Affected) -> Result<(), StoreError> {
        match affected {
            Affected::All => {
                let keys = self.reader.all_api_keys().await?;
                self.view.write_api_keys().replace_all(keys);
            }
            Affected::Some(ids) if ids.is_empty() => {}
            Affected::Some(ids) => {
                let keys = self.reader.api_keys(&ids).await?;
                self.view.write_api_keys().replace(&ids, keys);
            }
        }
        Ok(())
    }

    /// Removes from memory the entries that the horizon makes superfluous. Another task prunes the log itself, because
    /// a poll must not wait for a write.
    fn forget(&mut self) {
        if self.forgot.elapsed() >= FORGET_INTERVAL {
            self.forgot = Instant::now();
            self.view.write().contents_mut().forget(self.clock.now() - REVOCATION_RETENTION);
        }
    }
}

/// Returns an identity for a restarted log.
fn new_id() -> LogId {
    LogId(kit::random::bytes())
}
