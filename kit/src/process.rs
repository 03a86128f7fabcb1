//! Process of a service: log, signals, exit code.

use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{ConfigError, Environment};
use crate::output::{self, FlushAtEnd};
use crate::reload::Reload;
use crate::shutdown::{self, Shutdown};
use crate::telemetry;

/// Runs `service` until it ends. The first signal asks it to stop; the second ends the process at once. SIGHUP asks it
/// to read files again. `RUST_LOG` may name each of `crates`.
///
/// A failure prints one line to standard error. The exit code is then 1, or 2 for a bad setting.
pub async fn run(
    name: &str,
    crates: &[&[&str]],
    environment: Environment,
    service: impl AsyncFnOnce(Shutdown, Reload) -> Result<(), Box<dyn Error + Send + Sync>>,
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
        ended = service(signals.drain, signals.reload) => ended,
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

/// Raises the limit of open files to the system's maximum: each connection takes one.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_err() {
        tracing::debug!("the limit of open files cannot be raised");
    }
}

/// Prints the reason for the end, independent of the log's filter.
fn fail(name: &str, problem: &str, code: u8) -> ExitCode {
    output::err(&format!("{name}: {problem}"));
    ExitCode::from(code)
}
