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
