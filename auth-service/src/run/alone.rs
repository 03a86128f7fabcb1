//! The service alone in its process, with a greeting for people.

use kit::lifecycle::Lifecycle;
use kit::serve::ServeError;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::error::AuthRunError;
use super::serve::run;
use crate::commands::AuthGreeting;
use crate::config::AuthConfig;

/// Runs the service as [`run`] does, and prints a greeting once it has started.
///
/// # Errors
/// [`AuthRunError`] with what to do.
pub(super) async fn run_alone(config: AuthConfig, listener: TcpListener, life: Lifecycle) -> Result<(), AuthRunError> {
    let (greeting, address) = (AuthGreeting::new(&config), listener.local_addr().map_err(ServeError::from)?);
    let (sender, receiver) = oneshot::channel();
    let greet = async {
        // A start that fails sends nothing.
        if let Ok(facts) = receiver.await {
            greeting.alone(address, facts).print();
        }
    };
    let (ended, ()) = tokio::join!(Box::pin(run(config.greeted_by(sender), listener, life)), greet);
    ended
}
