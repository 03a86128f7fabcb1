//! Signals that stop a process; only `main` listens for them.

use rustix::process::Signal as ProcessSignal;
use tokio::signal::unix::{Signal, SignalKind, signal};
pub use tokio_util::sync::CancellationToken as Shutdown;

use crate::reload::{Reload, ReloadTrigger, reload};

/// Stop by Ctrl-C and SIGTERM, and reload requests by SIGHUP. The first stop signal asks the services to stop, the
/// second ends the process at once.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    stop: StopTokens,
}

/// Tokens of the first signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopTokens {
    /// Cancelled by the first signal.
    pub(crate) stop: Shutdown,
    /// Also cancelled if the signal is SIGINT: a process at a terminal has no balancer to wait for.
    pub(crate) hurry: Shutdown,
}

/// Signals that are ignored, although their default ends the process.
///
/// Tools that rotate logs send one of the first two. The kernel sends SIGXFSZ at a write beyond `ulimit -f`; without
/// the signal only the write fails.
const IGNORED_SIGNALS: [(&str, ProcessSignal); 3] =
    [("SIGUSR1", ProcessSignal::USR1), ("SIGUSR2", ProcessSignal::USR2), ("SIGXFSZ", ProcessSignal::XFSZ)];

impl Signals {
    /// Starts to listen for SIGINT, SIGTERM and SIGHUP, and ignores SIGUSR1, SIGUSR2 and SIGXFSZ.
    ///
    /// Also returns the requests to read files again, which SIGHUP sends. While no receiver is left, SIGHUP is ignored.
    ///
    /// # Errors
    /// Fails if the operating system refuses the handlers.
    pub(crate) fn listen() -> std::io::Result<(Self, Reload)> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        for (name, number) in IGNORED_SIGNALS {
            tokio::spawn(note_first(name, signal(SignalKind::from_raw(number.as_raw()))?));
        }
        let (trigger, reload) = reload();
        tokio::spawn(pass_on(trigger, signal(SignalKind::hangup())?));
        Ok((Self { interrupt, terminate, stop: StopTokens::default() }, reload))
    }

    /// Returns the tokens of the first signal.
    pub(crate) fn tokens(&self) -> StopTokens {
        self.stop.clone()
    }

    /// Cancels the tokens with the first signal, and returns after the second.
    pub(crate) async fn second(mut self) {
        let is_interrupt = self.next().await;
        if is_interrupt {
            self.stop.hurry.cancel();
        }
        self.stop.stop.cancel();
        self.next().await;
    }

    /// Waits for a signal. Returns true if it is SIGINT.
    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => true,
            _ = self.terminate.recv() => false,
        }
    }
}

/// Returns true if this process ignores SIGHUP (proc(5), `SigIgn` of `status`). False on systems without `/proc`.
pub(crate) fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    // The first bit is the first signal, SIGHUP.
    mask & 1 != 0
}

/// Passes each SIGHUP on. Logs the first one that no part of the process handles: a closing terminal sends it, too.
async fn pass_on(trigger: ReloadTrigger, mut signal: Signal) {
    let mut is_noted = false;
    while signal.recv().await.is_some() {
        if !trigger.request() && !std::mem::replace(&mut is_noted, true) {
            note("SIGHUP");
        }
    }
}

/// Logs the first signal of this kind. The handler stays, so that later signals are ignored too.
async fn note_first(name: &str, mut signal: Signal) {
    if signal.recv().await.is_some() {
        note(name);
    }
}

fn note(name: &str) {
    tracing::info!("{name} is ignored; SIGTERM stops the service");
}
