//! Background tasks of a service. The death of one ends the service, which would otherwise go on with a part missing.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use futures_util::FutureExt as _;

use crate::lifecycle::Lifecycle;
use crate::shutdown::Shutdown;

/// Error of a background task that has died.
#[derive(Debug, thiserror::Error)]
#[error("the background task `{task}` {reason}: start the service again, and report this as a bug")]
pub struct TaskDied {
    task: &'static str,
    reason: String,
}

/// Background tasks of a service.
#[derive(Debug)]
pub struct Tasks {
    life: Lifecycle,
    end: Shutdown,
    /// First task that has died.
    died: OnceLock<TaskDied>,
}

impl Tasks {
    /// Creates a group without tasks, of the service with this life.
    pub fn new(life: &Lifecycle) -> Self {
        Self { life: life.clone(), end: Shutdown::new(), died: OnceLock::new() }
    }

    /// Returns the token that asks the tasks to end.
    pub fn end(&self) -> Shutdown {
        self.end.clone()
    }

    /// Runs a task. A task that panics, or that ends before it is asked to, has died: the service then drains at once.
    pub async fn run(&self, name: &'static str, task: impl Future<Output = ()>) {
        let reason = match AssertUnwindSafe(task).catch_unwind().await {
            Ok(()) if self.end.is_cancelled() => return,
            Ok(()) => "has ended".to_owned(),
            Err(panic) => format!("has panicked ({})", message(&*panic)),
        };
        tracing::error!(task = name, reason, "a background task has died: the service stops");
        self.died.get_or_init(|| TaskDied { task: name, reason });
        self.life.stop();
    }

    /// Fails if a task has died.
    ///
    /// # Errors
    /// [`TaskDied`] of the first one.
    pub fn result(self) -> Result<(), TaskDied> {
        self.died.into_inner().map_or(Ok(()), Err)
    }
}

/// Returns the message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn task_that_panics_or_ends_stops_the_service() {
        for (panics, reason) in [(true, "has panicked (as the test requested)"), (false, "has ended")] {
            let life = Lifecycle::from(Shutdown::new());
            let tasks = Tasks::new(&life);
            let other = tasks.end();
            let dying = async {
                assert!(!panics, "as the test requested");
            };
            tokio::join!(tasks.run("dying", dying), tasks.run("other", other.cancelled()), async {
                life.draining().cancelled().await;
                tasks.end().cancel();
            });
            let died = tasks.result().unwrap_err().to_string();
            assert!(died.starts_with(&format!("the background task `dying` {reason}: ")), "{died}");
        }
    }

    #[tokio::test]
    async fn task_that_ends_when_asked_has_not_died() {
        let life = Lifecycle::from(Shutdown::new());
        let tasks = Tasks::new(&life);
        let end = tasks.end();
        tokio::join!(tasks.run("one", end.cancelled()), async { tasks.end().cancel() });
        assert!(tasks.result().is_ok() && !life.leaving().is_cancelled());
    }
}
