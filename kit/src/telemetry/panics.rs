//! Panic messages as lines of the log. The default hook writes to standard error and blocks on a stalled reader.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::thread;

use super::fields::write_value;
use crate::output::{self, LogFormat};

/// Writes each panic of this process as a line to standard error, at any filter. With `RUST_BACKTRACE` the backtrace
/// follows.
pub(crate) fn report() {
    std::panic::set_hook(Box::new(|info| output::err(&text(info, &Backtrace::capture()))));
}

fn text(info: &PanicHookInfo<'_>, backtrace: &Backtrace) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("unnamed");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let message = info.payload_as_str().unwrap_or("no message");
    if LogFormat::current() == LogFormat::Json {
        // The backtrace is not part of the message: a long message is cut.
        let line = output::json_line("ERROR", "panic", format_args!("thread '{name}' panicked at {place}: {message}"));
        return match backtrace.status() {
            BacktraceStatus::Captured => format!("{line}\n{backtrace}"),
            _ => line,
        };
    }
    let mut text = format!("{} ERROR thread '{name}' panicked at {place}: ", output::time());
    // A write to a string cannot fail.
    let _ = write_value(&mut text, format_args!("{message}"));
    if backtrace.status() == BacktraceStatus::Captured {
        text = format!("{text}\n{backtrace}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::process::{Command, Stdio};

    use super::*;

    /// Returns the command that runs `process_that_panics` in a process of its own.
    fn panicking() -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = "telemetry::panics::tests::process_that_panics";
        command.args(["--exact", "--ignored", "--nocapture", test]).env_remove("RUST_BACKTRACE").stdout(Stdio::null());
        command
    }

    #[test]
    fn panic_is_one_line_with_its_place() {
        let output = panicking().output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("panicked at")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains(" ERROR thread '") && lines[0].contains("panics.rs:"), "{text}");
        assert!(lines[0].ends_with(r"first\nsecond"), "{text}");
        assert!(output.status.success());
    }

    #[test]
    fn panic_with_a_stalled_log_does_not_block() {
        let (_reader, mut stalled) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&stalled, true).unwrap();
        while std::io::Write::write(&mut stalled, b"x").is_ok() {}
        rustix::io::ioctl_fionbio(&stalled, false).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        for stderr in [Stdio::from(full), Stdio::from(stalled)] {
            assert!(panicking().stderr(stderr).status().unwrap().success());
        }
    }

    #[test]
    #[ignore = "a process of its own for the tests above"]
    fn process_that_panics() {
        let _flush = output::FlushAtEnd;
        report();
        std::panic::catch_unwind(|| panic!("first\nsecond")).unwrap_err();
    }
}
