//! Reads the whole output of a process, so that no test passes in which a secret was logged (C66, R30).

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

/// The password of test users: no part of it occurs elsewhere.
pub(crate) const PASSWORD: &str = "plover gantry umbel 42";

/// Start of a line that a user sends after a line break, and that would be a forged log line (C67).
pub(crate) const FORGED: &str = "forged: ";

/// Texts that no output may contain: a password hash, a private key, a panic, or control
/// characters for a terminal (C67).
const FORMS: [&str; 5] = ["$argon2", "PRIVATE KEY", "panicked at", "\u{1b}", "\u{9b}"];

/// The settings with secret values.
const SECRETS: [&str; 4] = ["JWT_SECRET_KEY", "AUTH_MASTER_KEY", "AUTH_SERVICE_KEY", "AUTH_ADMIN_PASSWORD"];

/// The largest number of lines that a failure shows.
const SHOWN: usize = 3;

/// The threads that read a process's output; they end with the process.
pub(crate) struct Watch {
    secrets: Arc<OnceLock<Vec<String>>>,
    readers: Vec<JoinHandle<Vec<String>>>,
}

impl Watch {
    /// Reads standard output and standard error; each line can be received too.
    pub(crate) fn over(child: &mut Child) -> (Self, Receiver<String>) {
        let secrets = Arc::new(OnceLock::new());
        let (sender, lines) = channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (known, line_sender) = (Arc::clone(&secrets), sender.clone());
        // The receiver of lines may be gone.
        let out = thread::spawn(move || read(out, &known, |line| drop(line_sender.send(line.to_owned()))));
        let known = Arc::clone(&secrets);
        let err = thread::spawn(move || read(err, &known, |line| drop(sender.send(line.to_owned()))));
        (Self { secrets, readers: vec![out, err] }, lines)
    }

    /// Searches for these secrets from now on, and in earlier output.
    pub(crate) fn look_for(&self, secrets: Vec<String>) {
        self.secrets.set(secrets).unwrap();
    }

    /// Returns the lines with a secret, when the process has ended.
    pub(crate) fn found(&mut self) -> Vec<String> {
        self.readers.drain(..).flat_map(|reader| reader.join().unwrap()).collect()
    }
}

/// Returns the secrets of a process with these settings and this signing key.
pub(crate) fn secrets(settings: &[(&str, &str)], key: &Path) -> Vec<String> {
    let set = settings.iter().filter(|(name, value)| SECRETS.contains(name) && !value.is_empty());
    // With a secret key there is no file.
    let pem = std::fs::read_to_string(key).unwrap_or_default();
    let body = pem.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned);
    set.map(|(_, value)| (*value).to_owned()).chain(body).chain([PASSWORD.to_owned()]).collect()
}

/// Returns `true` if the line has one of these secrets or something in the form of one, or is forged.
pub(crate) fn shows(text: &str, secrets: &[String]) -> bool {
    text.starts_with(FORGED)
        || FORMS.iter().any(|form| text.contains(form))
        || has_token(text)
        || has_api_key(text)
        || secrets.iter().any(|secret| text.contains(secret.as_str()))
}

/// Returns `true` if a word of the text begins like a part of a JWT. Inside a word, such as the id of a key, these
/// letters occur by chance.
fn has_token(text: &str) -> bool {
    let is_inside = |before: &str| before.ends_with(|sign: char| sign.is_ascii_alphanumeric() || "-_".contains(sign));
    text.match_indices("eyJ").any(|(at, _)| !is_inside(&text[..at]))
}

/// Returns `true` if the text has a secret in the form of an API key's.
fn has_api_key(text: &str) -> bool {
    text.match_indices("gp_").any(|(at, _)| {
        let (id, secret) = text[at + 3..].split_once('_').unwrap_or_default();
        let length = secret.chars().take_while(char::is_ascii_alphanumeric).count();
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && length >= 43
    })
}

/// Returns the lines with a secret. Lines that come before the secrets are known are kept until then.
fn read(stream: impl Read, secrets: &OnceLock<Vec<String>>, mut on_line: impl FnMut(&str)) -> Vec<String> {
    let mut stream = BufReader::new(stream);
    let (mut early, mut found, mut line) = (Vec::new(), Vec::new(), Vec::new());
    while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        on_line(text.trim_end());
        match secrets.get() {
            None => early.push(text.into_owned()),
            Some(secrets) if found.len() < SHOWN && shows(&text, secrets) => found.push(text.into_owned()),
            Some(_) => {}
        }
        line.clear();
    }
    let secrets = secrets.get().map_or(&[][..], Vec::as_slice);
    found.extend(early.into_iter().filter(|line| shows(line, secrets)).take(SHOWN));
    found
}
