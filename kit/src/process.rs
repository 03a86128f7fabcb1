//! A service's life as a process: log, signals, exit code.

use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{ConfigError, Environment};
use crate::output::{self, FlushAtEnd};
use crate::shutdown::{self, Shutdown};
use crate::telemetry;

/// Runs `service` until it ends, the first signal having asked it to and the second ending it at once. `RUST_LOG` may name
/// each of `crates`.
///
/// A failure is one line on standard error, and the exit code 1 (2 for a setting).
pub async fn run(
    name: &str,
    crates: &[&[&str]],
    environment: Environment,
    service: impl AsyncFnOnce(Shutdown) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let _flush = FlushAtEnd;
    telemetry::report_panics();
    let started = environment.text("RUST_LOG").map_err(|error| error.to_string()).and_then(|filter| {
        let ansi = std::io::stderr().is_terminal();
        telemetry::start(filter.as_deref(), crates, ansi)
    });
    if let Err(problem) = started {
        return fail(name, &problem, 2);
    }
    raise_descriptors();
    let signals = match shutdown::signals() {
        Ok(signals) => signals,
        Err(error) => return fail(name, &format!("signals cannot be received ({error})"), 1),
    };
    let ended = tokio::select! {
        ended = service(signals.drain) => ended,
        () = signals.hard.cancelled() => return fail(name, "stopped at once by a second signal", 1),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<ConfigError>() {
            Some(ConfigError::Usage(usage)) => {
                if usage.use_stderr() {
                    output::err(usage.render().to_string().trim_end());
                } else {
                    let _ = usage.print();
                }
                ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2))
            }
            Some(setting) => fail(name, &setting.to_string(), 2),
            None => fail(name, &error.to_string(), 1),
        },
    }
}

/// Raises the limit of open files to the most that the system allows: each connection takes one.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_err() {
        tracing::debug!("the limit of open files stays as it is");
    }
}

/// Writes the reason of the end, whatever the log's filter.
fn fail(name: &str, problem: &str, code: u8) -> ExitCode {
    output::err(&format!("{name}: {problem}"));
    ExitCode::from(code)
}
