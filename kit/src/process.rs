//! Process of a service or a command: runtime, log, signals, service manager, exit code.

use std::error::Error;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime;

use crate::cli::{CommandFailure, FailureKind};
use crate::config::{ConfigError, Environment};
use crate::lifecycle::Lifecycle;
use crate::output::{self, FlushAtEnd};
use crate::reload::Reload;
use crate::shutdown::{Shutdown, Signals, StopTokens, ignores_hangup};
use crate::systemd::Notifier;
use crate::telemetry::{self, LogControl};

/// Exit code of a failure, and of a bad setting.
const FAILED: u8 = 1;
const BAD_SETTING: u8 = 2;

/// Process, as its command or services see it.
#[derive(Debug)]
pub struct Process {
    tokens: StopTokens,
    reload: Reload,
    log: LogControl,
    notifier: Option<Notifier>,
    /// True if the process was started with SIGHUP ignored.
    ignored_hangup: bool,
}

impl Process {
    /// Returns the requests to read files again, which SIGHUP sends.
    #[must_use]
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Returns the control of the process's log.
    #[must_use]
    pub fn log(&self) -> LogControl {
        self.log.clone()
    }

    /// Returns the token that the first signal cancels, for a command.
    #[must_use]
    pub fn stop(self) -> Shutdown {
        self.tokens.stop
    }

    /// Returns the token that the first signal cancels, or the end of the terminal (SIGHUP), for a command without an end
    /// of its own. A process that ignored SIGHUP from the start, as `nohup` makes it, goes on.
    #[must_use]
    pub fn stop_or_hangup(self) -> Shutdown {
        let Self { tokens: StopTokens { stop, .. }, mut reload, ignored_hangup, .. } = self;
        if !ignored_hangup {
            let hangup = stop.clone();
            tokio::spawn(async move {
                reload.requested().await;
                hangup.cancel();
            });
        }
        stop
    }

    /// Returns the lives of the services of this process. With the first signal all of them leave. The first one drains
    /// after `delay`, or at once after SIGINT. The others drain when they are stopped. A service manager is notified
    /// when the services serve and when they leave.
    #[must_use]
    pub fn services<const COUNT: usize>(self, delay: Duration) -> [Lifecycle; COUNT] {
        let StopTokens { stop, hurry } = self.tokens;
        let first = Lifecycle::new(stop.clone(), hurry, delay);
        let services = std::array::from_fn(|index| if index == 0 { first.clone() } else { first.behind() });
        if let Some(notifier) = self.notifier {
            tokio::spawn(notifier.report(services.to_vec(), stop));
        }
        services
    }
}

/// Runs `command` until it ends. The first signal asks it to stop; the second ends the process at once. SIGHUP asks it
/// to read files again. `RUST_LOG` may name each of `crates`.
///
/// A failure prints one line to standard error. The exit code is then 1, 2 for a bad setting, or that of a
/// [`CommandFailure`].
pub fn run(
    name: &str,
    crates: &'static [&'static [&'static str]],
    environment: Environment,
    command: impl AsyncFnOnce(Process) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let _flush = FlushAtEnd;
    telemetry::report_panics();
    let started = environment.text("RUST_LOG").map_err(|error| error.to_string()).and_then(|filter| {
        let ansi = std::io::stderr().is_terminal();
        telemetry::start(filter.as_deref(), crates, ansi)
    });
    let log = match started {
        Ok(log) => log,
        Err(problem) => return fail(name, &problem, BAD_SETTING),
    };
    raise_descriptors();
    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(name, &format!("the runtime does not start ({error})"), FAILED),
    };
    let code = runtime.block_on(run_until_end(name, environment, log, command));
    // A name lookup may hang for long in a thread that cannot be stopped. The end of the process does not wait for it.
    runtime.shutdown_background();
    code
}

async fn run_until_end(
    name: &str,
    environment: Environment,
    log: LogControl,
    command: impl AsyncFnOnce(Process) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let ignored_hangup = ignores_hangup();
    let (signals, reload) = match Signals::listen() {
        Ok(listening) => listening,
        Err(error) => return fail(name, &format!("signals cannot be received ({error})"), FAILED),
    };
    let notifier = Notifier::from_environment(environment);
    let process = Process { tokens: signals.tokens(), reload, log, notifier, ignored_hangup };
    let ended = tokio::select! {
        ended = command(process) => ended,
        () = signals.second() => return fail(name, "stopped at once by a second signal", FAILED),
        () = output::writer_died() => return fail(name, "the thread that writes the log has died: start again", FAILED),
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
                ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(BAD_SETTING))
            }
            Some(setting) => fail(name, &setting.to_string(), BAD_SETTING),
            None => match error.downcast_ref::<CommandFailure>().map(|failure| failure.kind) {
                Some(FailureKind::ReaderGone) => ExitCode::SUCCESS,
                kind => fail(name, &error.to_string(), kind.map_or(FAILED, FailureKind::exit_code)),
            },
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
    output::fail(name, problem);
    ExitCode::from(code)
}
