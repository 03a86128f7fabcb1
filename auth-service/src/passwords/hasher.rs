//! The hashing threads and their queue: what a flood of logins may cost is decided here.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kit::shutdown::Shutdown;
use rustix::process::setpriority_process;
use tokio::sync::oneshot;

use super::argon2id::{self, Buffer, Unreadable};
use super::queue::{FairQueue, Full, Next};
use crate::domain::Password;

/// Hashes that may wait: about two seconds of work on a small machine.
const QUEUE: usize = 64;

/// Hashes of one network that may wait: a quarter of the queue.
const SHARE: usize = 16;

/// The threads yield to everything that answers calls.
const NICE: i32 = 19;

/// A thread that has had nothing to do for so long gives its 19 MiB back.
const IDLE: Duration = Duration::from_secs(5);

/// Stands in for a user that does not exist and for a password that is too long.
const NOBODY: &[u8] = b"nobody has this password";

/// Hashes and checks passwords on threads of its own, one for each core.
#[derive(Clone)]
pub struct Hasher {
    queue: Arc<Closing>,
    /// The hash that a login of an unknown user is checked against: the same work as for a known one (C51).
    nobody: Arc<str>,
}

/// A password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// More wait than the queue takes.
    #[error("more passwords wait to be hashed than the service admits")]
    Overloaded,
    /// The stored hash is unreadable.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The caller had gone before the hash was begun.
    #[error("the caller had gone before the password was hashed")]
    Abandoned,
}

type Job = Box<dyn FnOnce(&mut Buffer) + Send>;

/// The queue, which ends the threads when it is dropped.
struct Closing(Arc<FairQueue<Job>>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Hasher {
    /// Starts the threads, which end when the last clone is dropped.
    ///
    /// # Errors
    /// When no thread can be started or no password hashed.
    pub fn start() -> std::io::Result<Self> {
        let nobody = argon2id::hash(NOBODY, &mut Buffer::default()).map_err(std::io::Error::other)?.into();
        let queue = Arc::new(FairQueue::new(QUEUE, SHARE));
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            let jobs = Arc::clone(&queue);
            thread::Builder::new().name("hashing".into()).spawn(move || run(&jobs))?;
        }
        Ok(Self { queue: Arc::new(Closing(queue)), nobody })
    }

    /// The PHC string of a new password, for a caller from this network (`None`: it is not known).
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once when the queue is full, or later when a shorter line needs the place.
    pub async fn hash(&self, network: Option<&str>, password: Password) -> Result<String, HashError> {
        let gone = Shutdown::new();
        let _gone = gone.clone().drop_guard();
        self.ask(network, &gone, move |buffer| argon2id::hash(password.bytes().ok_or(Unreadable)?, buffer)).await
    }

    /// Whether the password is the one behind the PHC string; `None` is a user who does not exist. It costs one hash
    /// in every case. `gone` says that the caller has gone: then no hash is begun.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once when the queue is full, or later when a shorter line needs the place.
    pub async fn verify(
        &self,
        network: Option<&str>,
        gone: &Shutdown,
        password: Password,
        phc: Option<String>,
    ) -> Result<bool, HashError> {
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.nobody.as_ref().to_owned());
        let right = self
            .ask(network, gone, move |buffer| {
                let fits = password.bytes();
                let same = argon2id::verify(fits.unwrap_or(b""), &phc, buffer)?;
                Ok(same && fits.is_some())
            })
            .await?;
        Ok(right && known)
    }

    async fn ask<T: Send + 'static>(
        &self,
        network: Option<&str>,
        gone: &Shutdown,
        work: impl FnOnce(&mut Buffer) -> Result<T, Unreadable> + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, asked) = oneshot::channel();
        let is_gone = gone.clone();
        let job: Job = Box::new(move |buffer| {
            // A caller that has gone is not worth a hash.
            if !is_gone.is_cancelled() {
                let _ = answer.send(work(buffer));
            }
        });
        self.queue.0.push(network, job).map_err(|Full| HashError::Overloaded)?;
        let dropped = |_| if gone.is_cancelled() { HashError::Abandoned } else { HashError::Overloaded };
        Ok(asked.await.map_err(dropped)??)
    }
}

/// Works off the queue until nobody can add to it any more.
fn run(jobs: &FairQueue<Job>) {
    if setpriority_process(None, NICE).is_err() {
        tracing::debug!("the hashing threads keep their priority");
    }
    let mut buffer = Buffer::default();
    loop {
        match jobs.next(IDLE) {
            Next::Job(job) => job(&mut buffer),
            Next::Idle => buffer = Buffer::default(),
            Next::Closed => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hasher whose one thread is this test, so that each hash is seen.
    fn watched(nobody: &str) -> (Hasher, Arc<FairQueue<Job>>) {
        let jobs = Arc::new(FairQueue::new(QUEUE, SHARE));
        (Hasher { queue: Arc::new(Closing(Arc::clone(&jobs))), nobody: nobody.into() }, jobs)
    }

    /// Works off one job, if there is one.
    fn work(jobs: &FairQueue<Job>, buffer: &mut Buffer) -> bool {
        match jobs.next(Duration::ZERO) {
            Next::Job(job) => job(buffer),
            Next::Idle | Next::Closed => return false,
        }
        true
    }

    #[tokio::test]
    async fn every_login_costs_one_hash() {
        let mut buffer = Buffer::default();
        let stored = argon2id::hash(b"correct password", &mut buffer).unwrap();
        let (hasher, jobs) = watched(&argon2id::hash(NOBODY, &mut buffer).unwrap());
        for (password, known, right) in [
            ("correct password".to_owned(), true, true),
            ("wrong password".to_owned(), true, false),
            (String::new(), true, false),
            ("a".repeat(600), true, false),
            ("correct password".to_owned(), false, false),
            (String::from_utf8_lossy(NOBODY).into_owned(), false, false),
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
        for _ in 0..QUEUE {
            let mut asked = Box::pin(hasher.hash(None, Password::new("password".into())));
            assert!(futures_util::poll!(&mut asked).is_pending());
            waiting.push(asked);
        }
        let refused = hasher.hash(None, Password::new("password".into())).await;
        assert!(matches!(refused, Err(HashError::Overloaded)));
        drop(waiting);
        let mut buffer = Buffer::default();
        while work(&jobs, &mut buffer) {}
        assert!(buffer.is_untouched());
    }

    #[tokio::test]
    async fn each_of_twenty_networks_waits_one_turn() {
        let (hasher, jobs) = watched("");
        let ask = |network: String| {
            let hasher = hasher.clone();
            Box::pin(async move { hasher.hash(Some(&network), Password::new("password".into())).await })
        };
        let mut flood: Vec<_> = (0..20 * SHARE).map(|number| ask(format!("192.0.2.{}", number % 20))).collect();
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
