//! Signals that stop a process; only `main` listens for them.

use rustix::process::Signal as ProcessSignal;
use tokio::signal::unix::{Signal, SignalKind, signal};
pub use tokio_util::sync::CancellationToken as Shutdown;

use crate::reload::{Reload, ReloadTrigger, reload};

/// Stop signals by Ctrl-C and SIGTERM, and reload requests by SIGHUP. The first stop signal asks the services to drain,
/// the second ends the process at once.
pub struct Signals {
    /// Cancelled by the first signal.
    pub drain: Shutdown,
    /// Cancelled by the second signal.
    pub hard: Shutdown,
    /// Requested by SIGHUP. While it has no receiver, SIGHUP is ignored.
    pub reload: Reload,
}

/// Signals that are ignored, although their default ends the process.
///
/// Tools that rotate logs send one of the first two. The kernel sends SIGXFSZ at a write beyond `ulimit -f`; without
/// the signal only the write fails.
const IGNORED_SIGNALS: [(&str, ProcessSignal); 3] =
    [("SIGUSR1", ProcessSignal::USR1), ("SIGUSR2", ProcessSignal::USR2), ("SIGXFSZ", ProcessSignal::XFSZ)];

/// Starts to listen for SIGINT, SIGTERM and SIGHUP, and ignores SIGUSR1, SIGUSR2 and SIGXFSZ.
///
/// # Errors
/// Fails if the operating system refuses the handlers.
pub fn signals() -> std::io::Result<Signals> {
    let (drain, hard) = (Shutdown::new(), Shutdown::new());
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    for (name, number) in IGNORED_SIGNALS {
        tokio::spawn(note_first(name, signal(SignalKind::from_raw(number.as_raw()))?));
    }
    let (trigger, reload) = reload();
    tokio::spawn(pass_on(trigger, signal(SignalKind::hangup())?));
    let signals = Signals { drain: drain.clone(), hard: hard.clone(), reload };
    tokio::spawn(async move {
        for next in [drain, hard] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            next.cancel();
        }
    });
    Ok(signals)
}

/// Passes each SIGHUP on. Notes the first one that no part of the process wants: a closing terminal sends it, too.
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
