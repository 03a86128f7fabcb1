//! Runs the commands of operators: over the wire, or on the database.

use std::error::Error;

use db::{OpenError, StoreError};
use kit::cli::{CommandFailure, FailureKind};
use kit::config::Environment;
use kit::shutdown::Shutdown;

use super::offline::OfflineService;
use crate::console::{ConsoleCommand, Prepared, Way, open_service};

/// Runs a command of an operator, until its end or `stop`.
///
/// # Errors
/// The error says what to do.
pub async fn run_console(
    command: ConsoleCommand,
    environment: Environment,
    stop: Shutdown,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    match command.prepare(environment)? {
        Prepared::Connecting(command) => command.run(environment, &stop).await,
        Prepared::Work(work, Way::Service(service)) => {
            let client = open_service(service, environment)?;
            work.run(&client, &stop).await
        }
        Prepared::Work(work, Way::Database(place)) => {
            let service = Box::pin(OfflineService::start(place, environment)).await.map_err(classified)?;
            let done = work.run(&service.client(), &stop).await;
            service.stop().await;
            done
        }
    }
}

/// Adds the exit code to a failure, if the cause is a database that does not answer.
fn classified(error: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    let is_away = matches!(error.downcast_ref(), Some(OpenError::Away(..)))
        || matches!(error.downcast_ref(), Some(StoreError::Unavailable(..)));
    if is_away { CommandFailure::new(FailureKind::Unavailable, error.to_string()).into() } else { error }
}
