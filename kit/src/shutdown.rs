//! How a process is told to stop; only `main` asks for it.

use rustix::process::Signal as ProcessSignal;
use tokio::signal::unix::{Signal, SignalKind, signal};
pub use tokio_util::sync::CancellationToken as Shutdown;

/// What Ctrl-C and SIGTERM do: the first asks the services to drain, the second ends the process at once.
pub struct Signals {
    /// Cancelled by the first signal.
    pub drain: Shutdown,
    /// Cancelled by the second signal.
    pub hard: Shutdown,
}

/// Signals that are no end, although the end is their default: a terminal that closes sends SIGHUP, tools that rotate logs
/// send one of the first three, and the kernel sends SIGXFSZ at a write beyond `ulimit -f`, which then fails alone.
const IGNORED: [(&str, ProcessSignal); 4] = [
    ("SIGHUP", ProcessSignal::HUP),
    ("SIGUSR1", ProcessSignal::USR1),
    ("SIGUSR2", ProcessSignal::USR2),
    ("SIGXFSZ", ProcessSignal::XFSZ),
];

/// Listens to SIGINT and SIGTERM from now on, and ignores the signals that are no end.
///
/// # Errors
/// When the operating system refuses the handlers.
pub fn signals() -> std::io::Result<Signals> {
    let (drain, hard) = (Shutdown::new(), Shutdown::new());
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    for (name, number) in IGNORED {
        tokio::spawn(note_first(name, signal(SignalKind::from_raw(number.as_raw()))?));
    }
    let told = Signals { drain: drain.clone(), hard: hard.clone() };
    tokio::spawn(async move {
        for next in [drain, hard] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            next.cancel();
        }
    });
    Ok(told)
}

/// Logs the first signal of this kind. The handler stays after it, so that the later ones do nothing, too.
async fn note_first(name: &str, mut signal: Signal) {
    if signal.recv().await.is_some() {
        tracing::info!("{name} is ignored; SIGTERM stops the service");
    }
}
