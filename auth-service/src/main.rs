//! The auth service as a process: settings, log, listener, signals.

use std::process::ExitCode;

use auth_service::{Command, Config, Flags};
use kit::Clock;
use kit::config::{Environment, parse};

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
async fn main() -> ExitCode {
    let environment = Environment::new(|name| std::env::var_os(name));
    kit::process::run("auth-service", environment, async |signals| {
        let flags: Flags = parse(std::env::args_os(), environment, &[])?;
        match flags.command {
            Some(Command::Healthcheck(check)) => return Ok(check.run(flags.listen).await?),
            Some(Command::Keys(keys)) => return keys.run(environment, Clock::system()).await,
            None => {}
        }
        let config = Config::new(flags, environment, Clock::system())?.bind_ops().await?;
        let listener = kit::config::bind("--listen (AUTH_LISTEN)", config.flags.listen).await?;
        Ok(auth_service::run(config, listener, signals).await?)
    })
    .await
}
