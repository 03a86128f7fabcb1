//! The units of systemd: their times, and the result of systemd's own analysis.

use std::fs;
use std::process::Command;

use super::programs::{deploy, program};

const UNITS: [&str; 2] = ["systemd/auth-service.service", "systemd/blog-service.service"];

/// Seconds that running calls have once a service drains.
const GRACE: u64 = 10;

/// Largest exposure of a unit in the report of `systemd-analyze security`, in tenths.
const MOST_EXPOSURE: &str = "20";

/// Returns the value of a unit's only line with this key.
#[track_caller]
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    let values: Vec<_> = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect();
    assert_eq!(values.len(), 1, "{key}: {values:?}");
    values[0]
}

#[test]
fn units_wait_for_a_drain_and_are_watched() {
    for unit in UNITS {
        let text = fs::read_to_string(deploy(unit)).unwrap();
        assert_eq!(value(&text, "Type"), "notify", "{unit}");
        let seconds = |key| value(&text, key).strip_suffix('s').unwrap().parse::<u64>().unwrap();
        assert!(seconds("TimeoutStopSec") > GRACE, "{unit}");
        assert!(seconds("WatchdogSec") > 0, "{unit}");
        // A secret in the unit would be readable by all users.
        let plain = text.lines().filter_map(|line| line.strip_prefix("Environment="));
        let secret = |name: &str| ["KEY", "PASSWORD"].iter().any(|part| name.ends_with(part));
        assert!(plain.filter_map(|line| line.split('=').next()).all(|name| !secret(name)), "{unit}");
    }
}

#[test]
fn units_are_hardened_by_systemds_own_measure() {
    let Some(analyze) = program("systemd-analyze") else { return };
    for unit in UNITS {
        let mut command = Command::new(&analyze);
        command.args(["security", "--no-pager", "--offline=yes", "--threshold", MOST_EXPOSURE]).arg(deploy(unit));
        let output = command.output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("Overall exposure level"), "{unit}: {said}");
    }
}

#[test]
fn units_have_no_unknown_directive() {
    let Some(analyze) = program("systemd-analyze") else { return };
    for unit in UNITS {
        let output = Command::new(&analyze).args(["verify", "--man=no"]).arg(deploy(unit)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // The binary is not installed here.
        let faults: Vec<_> = said.lines().filter(|line| !line.contains("is not executable")).collect();
        assert!(faults.is_empty(), "{unit}: {faults:?}");
    }
}
