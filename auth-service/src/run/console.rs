//! Runs the commands of operators: over the wire, or on the database.

use std::error::Error;

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
            let service = Box::pin(OfflineService::start(place, environment)).await?;
            let done = work.run(&service.client(), &stop).await;
            service.stop().await;
            done
        }
    }
}
