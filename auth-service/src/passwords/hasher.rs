//! Hashing threads and their queue. They bound the cost of a flood of logins.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kit::shutdown::Shutdown;
use rustix::process::setpriority_process;
use tokio::sync::oneshot;

use super::argon2id::{self, Buffer, Unreadable};
use super::hash_metrics::{HashCounters, HashJob, HashMetrics};
use super::queue::{FairQueue, Full, NextJob};
use crate::domain::Password;

/// Maximum number of waiting hashes: about two seconds of work on a small machine.
const QUEUE_CAPACITY: usize = 64;

/// Maximum number of waiting hashes of one network: a quarter of the queue.
const MAX_QUEUED_PER_NETWORK: usize = 16;

/// Nice value of the threads, which yield to all threads that answer calls.
const THREAD_NICE: i32 = 19;

/// Idle time after which a thread frees its 19 MiB.
const BUFFER_IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Password behind the hash that stands in for an unknown user's.
const UNKNOWN_USER_PASSWORD: &[u8] = b"nobody has this password";

/// Hasher of passwords, with one thread per core.
#[derive(Clone)]
pub struct Hasher {
    queue: Arc<QueueHandle>,
    counters: Arc<HashCounters>,
    /// Hash for logins of unknown users: they cost the same work as logins of known ones (C51).
    unknown_user_hash: Arc<str>,
}

/// Reasons for which a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The queue is full.
    #[error("more passwords wait to be hashed than the service admits")]
    Overloaded,
    /// The stored hash is unreadable.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The caller left before the hash started.
    #[error("the caller had gone before the password was hashed")]
    Abandoned,
    /// The hash has panicked; the thread goes on.
    #[error("the hash of a password has panicked")]
    Panicked,
}

/// Queue that ends the threads when it is dropped.
struct QueueHandle(Arc<FairQueue<HashJob>>);

impl Drop for QueueHandle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Hasher {
    /// Starts the threads, which end when the last clone is dropped.
    ///
    /// # Errors
    /// Fails if a thread cannot be started or a password cannot be hashed.
    pub fn start() -> std::io::Result<Self> {
        let unknown_user_hash =
            argon2id::hash(UNKNOWN_USER_PASSWORD, &mut Buffer::default()).map_err(std::io::Error::other)?.into();
        let queue = Arc::new(FairQueue::new(QUEUE_CAPACITY, MAX_QUEUED_PER_NETWORK));
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            let jobs = Arc::clone(&queue);
            thread::Builder::new().name("hashing".into()).spawn(move || run(&jobs))?;
        }
        Ok(Self { queue: Arc::new(QueueHandle(queue)), counters: Arc::default(), unknown_user_hash })
    }

    /// Returns a hasher whose jobs wait forever, for tests of a full queue.
    #[cfg(test)]
    pub(crate) fn without_threads() -> Self {
        let queue = Arc::new(FairQueue::new(QUEUE_CAPACITY, MAX_QUEUED_PER_NETWORK));
        Self { queue: Arc::new(QueueHandle(queue)), counters: Arc::default(), unknown_user_hash: "".into() }
    }

    /// Returns the metrics of the queue and its threads.
    pub(crate) fn metrics(&self) -> HashMetrics<'_> {
        HashMetrics { queue: &self.queue.0, counters: &self.counters }
    }

    /// Returns the PHC string of a new password, for a caller from this network, if it is known.
    ///
    /// # Errors
    /// [`HashError::Overloaded`]: at once if the queue is full, or later if a job from a shorter line takes its place.
    pub async fn hash(&self, network: Option<&str>, password: Password) -> Result<String, HashError> {
        let gone = Shutdown::new();
        let _gone = gone.clone().drop_guard();
        self.ask(network, &gone, move |buffer| argon2id::hash(password.bytes().ok_or(Unreadable)?, buffer)).await
    }

    /// Returns true if the password matches the PHC string; `None` stands for an unknown user. Costs one hash in every
    /// case, except that no hash starts after the caller is gone.
    ///
    /// # Errors
    /// [`HashError::Overloaded`]: at once if the queue is full, or later if a job from a shorter line takes its place.
    pub async fn verify(
        &self,
        network: Option<&str>,
        gone: &Shutdown,
        password: Password,
        phc: Option<String>,
    ) -> Result<bool, HashError> {
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.unknown_user_hash.as_ref().to_owned());
        let right = self
            .ask(network, gone, move |buffer| {
                let fits = password.bytes();
                let same = argon2id::verify(fits.unwrap_or(b""), &phc, buffer)?;
                Ok(same && fits.is_some())
            })
            .await?;
        Ok(right && known)
    }

    /// Fails if the queue would refuse a job of this network now. A later job can still be refused.
    ///
    /// # Errors
    /// [`HashError::Overloaded`]
    pub(crate) fn check_room(&self, network: Option<&str>) -> Result<(), HashError> {
        self.queue.0.check(network).map_err(|Full| self.refused())
    }

    /// Counts a refusal.
    fn refused(&self) -> HashError {
        self.counters.refused.one();
        HashError::Overloaded
    }

    async fn ask<T: Send + 'static>(
        &self,
        network: Option<&str>,
        gone: &Shutdown,
        work: impl FnOnce(&mut Buffer) -> Result<T, Unreadable> + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, asked) = oneshot::channel();
        let (is_gone, counters, queued) = (gone.clone(), Arc::clone(&self.counters), Instant::now());
        let job: HashJob = Box::new(move |buffer| {
            // No hash for a caller that is gone.
            if !is_gone.is_cancelled() {
                let _ = answer.send(counters.measure(queued, || run_caught(work, buffer)));
            }
        });
        self.queue.0.push(network, job).map_err(|Full| self.refused())?;
        let dropped = |_| if gone.is_cancelled() { HashError::Abandoned } else { self.refused() };
        asked.await.map_err(dropped)?
    }
}

/// Runs the work of a job. A panic ends this job alone: without its threads, the service would answer no login.
fn run_caught<T>(work: impl FnOnce(&mut Buffer) -> Result<T, Unreadable>, buffer: &mut Buffer) -> Result<T, HashError> {
    match catch_unwind(AssertUnwindSafe(|| work(buffer))) {
        Ok(done) => Ok(done?),
        Err(_panic) => {
            *buffer = Buffer::default();
            Err(HashError::Panicked)
        }
    }
}

/// Runs the jobs of the queue until it is closed.
fn run(jobs: &FairQueue<HashJob>) {
    if setpriority_process(None, THREAD_NICE).is_err() {
        tracing::debug!("priority of the hashing threads unchanged");
    }
    let mut buffer = Buffer::default();
    loop {
        match jobs.next(BUFFER_IDLE_TIMEOUT) {
            NextJob::Job(job) => job(&mut buffer),
            NextJob::Idle => buffer = Buffer::default(),
            NextJob::Closed => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a hasher with the test as its only thread, so that each hash is counted.
    fn watched(unknown_user_hash: &str) -> (Hasher, Arc<FairQueue<HashJob>>) {
        let jobs = Arc::new(FairQueue::new(QUEUE_CAPACITY, MAX_QUEUED_PER_NETWORK));
        let queue = Arc::new(QueueHandle(Arc::clone(&jobs)));
        (Hasher { queue, counters: Arc::default(), unknown_user_hash: unknown_user_hash.into() }, jobs)
    }

    /// Runs one job, if there is one.
    fn work(jobs: &FairQueue<HashJob>, buffer: &mut Buffer) -> bool {
        match jobs.next(Duration::ZERO) {
            NextJob::Job(job) => job(buffer),
            NextJob::Idle | NextJob::Closed => return false,
        }
        true
    }

    /// C51: every login costs one hash with the same parameters.
    #[tokio::test]
    async fn every_login_costs_one_hash() {
        let mut buffer = Buffer::default();
        let stored = argon2id::hash(b"correct password", &mut buffer).unwrap();
        let (hasher, jobs) = watched(&argon2id::hash(UNKNOWN_USER_PASSWORD, &mut buffer).unwrap());
        for (password, known, right) in [
            ("correct password".to_owned(), true, true),
            ("wrong password".to_owned(), true, false),
            (String::new(), true, false),
            ("a".repeat(600), true, false),
            ("correct password".to_owned(), false, false),
            (String::from_utf8_lossy(UNKNOWN_USER_PASSWORD).into_owned(), false, false),
        ] {
            let gone = Shutdown::new();
            let mut asked =
                Box::pin(hasher.verify(None, &gone, Password::new(password), known.then(|| stored.clone())));
            // The first poll puts the job into the queue.
            let queued = futures_util::poll!(&mut asked);
            assert!(queued.is_pending() && work(&jobs, &mut buffer) && !work(&jobs, &mut buffer), "exactly one hash");
            assert_eq!(asked.await.unwrap(), right);
        }
    }

    #[tokio::test]
    async fn full_queue_refuses_and_gone_callers_cost_nothing() {
        let (hasher, jobs) = watched("");
        let mut waiting = Vec::new();
        for _ in 0..QUEUE_CAPACITY {
            let mut asked = Box::pin(hasher.hash(None, Password::new("password".into())));
            assert!(futures_util::poll!(&mut asked).is_pending());
            waiting.push(asked);
        }
        let refused = hasher.hash(None, Password::new("password".into())).await;
        assert!(matches!(refused, Err(HashError::Overloaded)));
        assert_eq!((hasher.metrics().waiting(), hasher.metrics().refused()), (QUEUE_CAPACITY, 1));
        drop(waiting);
        let mut buffer = Buffer::default();
        while work(&jobs, &mut buffer) {}
        assert!(buffer.is_untouched());
    }

    #[tokio::test]
    async fn panic_of_a_hash_ends_one_call() {
        let hasher = Hasher::start().unwrap();
        let gone = Shutdown::new();
        // More jobs than any machine has threads: each thread panics.
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) * 2 {
            let asked = hasher.ask(None, &gone, |_| -> Result<(), _> { panic!("as the test requested") });
            assert!(matches!(asked.await, Err(HashError::Panicked)));
        }
        hasher.hash(None, Password::new("password".into())).await.unwrap();
    }

    #[tokio::test]
    async fn each_of_twenty_networks_waits_one_turn() {
        let (hasher, jobs) = watched("");
        let ask = |network: String| {
            let hasher = hasher.clone();
            Box::pin(async move { hasher.hash(Some(&network), Password::new("password".into())).await })
        };
        let mut flood: Vec<_> =
            (0..20 * MAX_QUEUED_PER_NETWORK).map(|number| ask(format!("192.0.2.{}", number % 20))).collect();
        for asked in &mut flood {
            let _ = futures_util::poll!(asked);
        }
        let mut good = ask("198.51.100.1".to_owned());
        assert!(futures_util::poll!(&mut good).is_pending(), "a full queue makes room");
        let mut buffer = Buffer::default();
        for _ in 0..21 {
            assert!(work(&jobs, &mut buffer));
        }
        assert!(futures_util::poll!(&mut good).is_ready());
    }
}
