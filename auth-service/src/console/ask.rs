//! Questions to a person at a terminal: passwords without echo, and confirmations.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use kit::cli::{CommandFailure, shown_text};
use kit::config::{ConfigError, secret_bytes, secret_file};
use kit::output;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::spawn_blocking;

/// Largest input, in bytes. The service refuses longer passwords anyway.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

const INPUT: &str = "standard input";

/// Source of a password. It is never an argument: every user of the machine can read the arguments.
#[derive(Clone, Debug, Default, Args)]
pub struct PasswordSource {
    /// File that holds the password, in place of a question or of standard input; one newline at the end is ignored
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Purpose of a password that a person types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordUse {
    /// Proof of the present password.
    Present,
    /// New password, which is asked for twice.
    New,
}

impl PasswordSource {
    /// Reads the password: from the file, from a person at the terminal, or from standard input.
    ///
    /// # Errors
    /// Fails if the password is missing or contains invisible characters.
    pub(crate) async fn read(&self, usage: PasswordUse) -> Result<SecretString, ConfigError> {
        if let Some(path) = &self.password_file {
            return secret_file("--password-file", path);
        }
        let first = secret_text("Password: ", "the password").await?;
        let asks_again = usage == PasswordUse::New && io::stdin().is_terminal();
        if asks_again && hidden("Password again: ", "the password").await?.expose_secret() != first.expose_secret() {
            return Err(ConfigError::setting(INPUT, "the two passwords differ: run this again"));
        }
        Ok(first)
    }
}

/// Reads a secret: from a person at the terminal, without echo, or from standard input. `name` is for messages.
///
/// # Errors
/// Fails if the secret is missing or contains invisible characters.
pub(super) async fn secret_text(question: &str, name: &str) -> Result<SecretString, ConfigError> {
    if io::stdin().is_terminal() {
        return hidden(question, name).await;
    }
    secret_bytes(INPUT, name, read_all().await.map_err(|error| unread(&error))?)
}

/// Confirmation of a change that cannot be undone.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Consent {
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl Consent {
    /// Fails early if the command cannot ask.
    ///
    /// # Errors
    /// The error names the flag that confirms.
    pub(super) fn check(self) -> Result<(), CommandFailure> {
        if self.yes || io::stdin().is_terminal() {
            return Ok(());
        }
        Err(CommandFailure::usage("this change needs a confirmation, and standard input is not a terminal: add --yes"))
    }

    /// Asks, unless the flag has confirmed.
    ///
    /// # Errors
    /// Fails unless the answer is yes.
    pub(super) async fn ask(self, question: &str) -> Result<(), CommandFailure> {
        self.check()?;
        if self.yes {
            return Ok(());
        }
        let answer = line(&format!("{} [y/N] ", shown_text(question))).await;
        let answer = answer.map_err(|error| CommandFailure::usage(unread(&error).to_string()))?;
        if is_yes(&answer) { Ok(()) } else { Err(CommandFailure::refused("nothing was changed")) }
    }
}

/// Returns true for a clear yes.
fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Asks for a line at the terminal, and shows it.
///
/// # Errors
/// Fails if standard input is not a terminal, or is at its end.
pub(super) async fn shown(question: &str, missing: &str) -> Result<String, ConfigError> {
    if !io::stdin().is_terminal() {
        return Err(ConfigError::setting(missing, "must be given, since standard input is not a terminal"));
    }
    line(question).await.map(|text| text.trim().to_owned()).map_err(|error| unread(&error))
}

/// Asks for a text at the terminal without showing it.
async fn hidden(question: &str, name: &str) -> Result<SecretString, ConfigError> {
    let quiet = Echo::off().map_err(|error| unread(&error))?;
    let typed = line(question).await;
    drop(quiet);
    // The line break that the person typed was not shown.
    let _ = rustix::io::write(io::stdin(), b"\n");
    secret_bytes(INPUT, name, typed.map_err(|error| unread(&error))?.into_bytes())
}

/// Terminal without echo. Dropping the value restores the echo, also after a signal.
struct Echo(Termios);

impl Echo {
    fn off() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Writes the question to the terminal and reads a line. Reads on a thread of its own, so that signals are handled
/// meanwhile.
async fn line(question: &str) -> io::Result<String> {
    // The write fails if the terminal is open for reading only.
    if rustix::io::write(io::stdin(), question.as_bytes()).is_err() {
        output::err(question.trim_end());
    }
    let read = spawn_blocking(|| {
        let mut text = String::new();
        let read = BufReader::new(io::stdin().lock().take(MAX_INPUT_BYTES)).read_line(&mut text)?;
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(text) }
    });
    read.await.map_err(io::Error::other)?
}

/// Reads standard input to its end.
async fn read_all() -> io::Result<Vec<u8>> {
    let read = spawn_blocking(|| {
        let mut bytes = Vec::new();
        io::stdin().lock().take(MAX_INPUT_BYTES).read_to_end(&mut bytes).map(|_| bytes)
    });
    read.await.map_err(io::Error::other)?
}

fn unread(error: &io::Error) -> ConfigError {
    ConfigError::setting(INPUT, format!("cannot be read ({})", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_confirms() {
        assert!(["y\n", "Y", " yes \r\n", "YES"].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "no", "ye", "yes please", "j"].into_iter().any(is_yes));
    }
}
