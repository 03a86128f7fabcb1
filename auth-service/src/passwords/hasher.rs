//! The hashing threads and their queue: what a flood of logins may cost is decided here.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use rustix::process::setpriority_process;
use tokio::sync::oneshot;

use super::argon2id::{self, Buffer, Unreadable};
use crate::domain::Password;

/// Hashes that may wait: about two seconds of work on a small machine.
const QUEUE: usize = 64;

/// The threads yield to everything that answers calls.
const NICE: i32 = 19;

/// A thread that has had nothing to do for so long gives its 19 MiB back.
const IDLE: Duration = Duration::from_secs(5);

/// Stands in for a user that does not exist and for a password that is too long.
const NOBODY: &[u8] = b"nobody has this password";

/// Hashes and checks passwords on threads of its own, one for each core.
#[derive(Clone)]
pub struct Hasher {
    queue: Sender<Job>,
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
    /// The hashing threads have ended.
    #[error("the hashing threads have ended")]
    Gone,
}

type Job = Box<dyn FnOnce(&mut Buffer) + Send>;

impl Hasher {
    /// Starts the threads, which end when the last clone is dropped.
    ///
    /// # Errors
    /// When no thread can be started or no password hashed.
    pub fn start() -> std::io::Result<Self> {
        let nobody = argon2id::hash(NOBODY, &mut Buffer::default()).map_err(std::io::Error::other)?.into();
        let (queue, jobs) = bounded::<Job>(QUEUE);
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            let jobs = jobs.clone();
            thread::Builder::new().name("hashing".into()).spawn(move || run(&jobs))?;
        }
        Ok(Self { queue, nobody })
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once when the queue is full.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        self.ask(move |buffer| argon2id::hash(password.bytes().ok_or(Unreadable)?, buffer)).await
    }

    /// Whether the password is the one behind the PHC string; `None` is a user who does not exist. It costs one hash
    /// in every case.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once when the queue is full.
    pub async fn verify(&self, password: Password, phc: Option<String>) -> Result<bool, HashError> {
        let known = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.nobody.as_ref().to_owned());
        let right = self
            .ask(move |buffer| {
                let fits = password.bytes();
                let same = argon2id::verify(fits.unwrap_or(b""), &phc, buffer)?;
                Ok(same && fits.is_some())
            })
            .await?;
        Ok(right && known)
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Buffer) -> Result<T, Unreadable> + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, asked) = oneshot::channel();
        let job: Job = Box::new(move |buffer| {
            // A caller that has gone is not worth a hash.
            if !answer.is_closed() {
                let _ = answer.send(work(buffer));
            }
        });
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => HashError::Overloaded,
            TrySendError::Disconnected(_) => HashError::Gone,
        })?;
        Ok(asked.await.map_err(|_| HashError::Gone)??)
    }
}

/// Works off the queue until nobody can add to it any more.
fn run(jobs: &Receiver<Job>) {
    if setpriority_process(None, NICE).is_err() {
        tracing::debug!("the hashing threads keep their priority");
    }
    let mut buffer = Buffer::default();
    loop {
        match jobs.recv_timeout(IDLE) {
            Ok(job) => job(&mut buffer),
            Err(RecvTimeoutError::Timeout) => buffer = Buffer::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hasher whose one thread is this test, so that each hash is seen.
    fn watched(nobody: &str) -> (Hasher, Receiver<Job>) {
        let (queue, jobs) = bounded(QUEUE);
        (Hasher { queue, nobody: nobody.into() }, jobs)
    }

    #[tokio::test]
    async fn c51_every_login_costs_one_hash_of_the_same_parameters() {
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
            let asked = hasher.verify(Password::new(password), known.then(|| stored.clone()));
            let worked = async { jobs.recv().map(|job| job(&mut buffer)).is_ok() };
            let mut asked = Box::pin(asked);
            // The first poll puts the job into the queue.
            let queued = futures_util::poll!(&mut asked);
            assert!(queued.is_pending() && worked.await && jobs.is_empty(), "exactly one hash");
            assert_eq!(asked.await.unwrap(), right);
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_a_caller_that_has_gone_costs_nothing() {
        let (hasher, jobs) = watched("");
        let mut waiting = Vec::new();
        for _ in 0..QUEUE {
            let mut asked = Box::pin(hasher.hash(Password::new("password".into())));
            assert!(futures_util::poll!(&mut asked).is_pending());
            waiting.push(asked);
        }
        let refused = hasher.hash(Password::new("password".into())).await;
        assert!(matches!(refused, Err(HashError::Overloaded)));
        drop(waiting);
        let mut buffer = Buffer::default();
        jobs.try_iter().for_each(|job| job(&mut buffer));
        assert!(buffer.is_untouched());
    }
}
