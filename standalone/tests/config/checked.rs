//! A report of `doctor` as programs read it. No report may contain a secret.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use super::pair::gatepost;
use super::pair::watch::{secrets, shows};

/// Exit code and report of a command.
pub(super) struct Checked {
    pub(super) code: Option<i32>,
    pub(super) report: Value,
    pub(super) err: String,
}

/// Returns the texts of an output, which must show no secret of these settings.
pub(super) fn texts(output: &Output, settings: &[(&str, &str)]) -> [String; 2] {
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    let hidden = secrets(settings, Path::new("no key file"));
    for text in &texts {
        assert!(!shows(text, &hidden) && !text.contains("canary"), "a secret is in the output: {text}");
    }
    texts
}

/// Runs `doctor` for this service, or for the pair if `service` is empty.
pub(super) fn doctor(service: &[&str], settings: &[(&str, &str)], after: &[&str]) -> Checked {
    let mut command = gatepost();
    command.args(service).arg("doctor").args(["--output", "json"]).args(after).envs(settings.iter().copied());
    Checked::by(&mut command, settings)
}

impl Checked {
    /// Runs a command that prints a report.
    pub(super) fn by(command: &mut Command, settings: &[(&str, &str)]) -> Self {
        let output = command.output().unwrap();
        let [out, err] = texts(&output, settings);
        let report = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"));
        Self { code: output.status.code(), report, err }
    }

    /// Returns state and text of a check.
    #[track_caller]
    pub(super) fn check(&self, name: &str) -> (&str, &str) {
        let checks = self.report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["check"] == name);
        let found = found.unwrap_or_else(|| panic!("no check {name} in {checks:#?}"));
        (found["state"].as_str().unwrap(), found["text"].as_str().unwrap())
    }

    /// Checks the state of a check, and a part of its text.
    #[track_caller]
    pub(super) fn says(&self, name: &str, state: &str, part: &str) {
        let (found, text) = self.check(name);
        assert!(found == state && text.contains(part), "{name} is {found}: {text}");
    }

    /// Checks that nothing has failed.
    #[track_caller]
    pub(super) fn is_well(&self) {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{:#}", self.report["checks"]);
    }

    /// Checks that only this check has failed.
    #[track_caller]
    pub(super) fn fails(&self, name: &str, part: &str) {
        self.says(name, "failed", part);
        assert_eq!(self.code, Some(1));
        assert_eq!(self.err.trim_end(), format!("gatepost: 1 check failed: {name}"), "{:#}", self.report["checks"]);
    }
}
