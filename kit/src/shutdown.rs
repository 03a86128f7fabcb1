//! How a process is told to stop; only `main` asks for it.

use tokio::signal::unix::{Signal, SignalKind, signal};
pub use tokio_util::sync::CancellationToken as Shutdown;

/// What Ctrl-C and SIGTERM do: the first asks the services to drain, the second ends the process at once.
pub struct Signals {
    /// Cancelled by the first signal.
    pub drain: Shutdown,
    /// Cancelled by the second signal.
    pub hard: Shutdown,
}

/// Listens to SIGINT and SIGTERM from now on. SIGHUP is not an end: a terminal that closes sends it, and tools send it to
/// have a log opened again.
///
/// # Errors
/// When the operating system refuses the handlers.
pub fn signals() -> std::io::Result<Signals> {
    let (drain, hard) = (Shutdown::new(), Shutdown::new());
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let hangup = signal(SignalKind::hangup())?;
    tokio::spawn(note_hangup(hangup));
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

/// Logs the first SIGHUP. The handler stays after it, so that the later ones do nothing, too.
async fn note_hangup(mut hangup: Signal) {
    if hangup.recv().await.is_some() {
        tracing::info!("SIGHUP is ignored: settings are read at the start alone, and SIGTERM stops the service");
    }
}
