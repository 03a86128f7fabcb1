//! Signals that stop a process; only `main` listens for them.

use rustix::process::Signal as ProcessSignal;
use tokio::signal::unix::{Signal, SignalKind, signal};
pub use tokio_util::sync::CancellationToken as Shutdown;

/// Stop signals by Ctrl-C and SIGTERM: the first asks the services to drain, the second ends the process at once.
pub struct Signals {
    /// Cancelled by the first signal.
    pub drain: Shutdown,
    /// Cancelled by the second signal.
    pub hard: Shutdown,
}

/// Signals that are ignored, although their default ends the process.
///
/// A closing terminal sends SIGHUP. Tools that rotate logs send one of the first three. The kernel sends SIGXFSZ at a
/// write beyond `ulimit -f`; without the signal only the write fails.
const IGNORED_SIGNALS: [(&str, ProcessSignal); 4] = [
    ("SIGHUP", ProcessSignal::HUP),
    ("SIGUSR1", ProcessSignal::USR1),
    ("SIGUSR2", ProcessSignal::USR2),
    ("SIGXFSZ", ProcessSignal::XFSZ),
];

/// Starts to listen for SIGINT and SIGTERM, and ignores SIGHUP, SIGUSR1, SIGUSR2 and SIGXFSZ.
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
    let signals = Signals { drain: drain.clone(), hard: hard.clone() };
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

/// Logs the first signal of this kind. The handler stays, so that later signals are ignored too.
async fn note_first(name: &str, mut signal: Signal) {
    if signal.recv().await.is_some() {
        tracing::info!("{name} is ignored; SIGTERM stops the service");
    }
}
