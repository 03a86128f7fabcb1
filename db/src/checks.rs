//! Checks of a database, for `doctor`: it may run beside the service, and changes nothing.

use std::path::Path;

use chrono::TimeDelta;
use kit::cli::{CheckReport, CheckState, within};
use kit::handover::folder_of;
use kit::{Clock, random};
use rustix::fs::statvfs;

use super::{DatabaseUrl, Db, Migrations, OpenError, clock, exposure, health};

const CHECK: &str = "database";

const MIB: u64 = 1024 * 1024;

/// Free bytes below which a check fails: a checkpoint may write as many.
const TOO_LITTLE_SPACE: u64 = 16 * MIB;

/// Free bytes below which a check warns.
const LITTLE_SPACE: u64 = 512 * MIB;

/// Sentence about a wait that has ended.
const SILENT: &str = "has not answered within 5 s: check the server and the network";

/// Database that is checked.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseCheck<'c> {
    /// Place of the database.
    pub url: &'c DatabaseUrl,
    /// Open database.
    pub db: &'c Db,
    /// Migrations that it has.
    pub migrations: &'c Migrations,
    /// Clock that is compared with the database's.
    pub clock: &'c Clock,
    /// Largest difference of the clocks that does not limit the service, if there is one.
    pub leeway: Option<TimeDelta>,
}

impl DatabaseCheck<'_> {
    /// Checks version, encryption, access rights, writes and clock. Returns false if the database does not answer.
    pub async fn run(self, report: &mut CheckReport) -> bool {
        let url = self.url;
        let facts = match within(self.db.facts()).await {
            Some(Ok(facts)) => facts,
            Some(Err(error)) => {
                report.fail(CHECK, format!("{url}: {error}"));
                return false;
            }
            None => {
                report.fail(CHECK, format!("{url} {SILENT}"));
                return false;
            }
        };
        let last = self.migrations.sqlite.iter().map(|migration| migration.version).max().unwrap_or_default();
        report.ok(CHECK, format!("{url}: {}, with all migrations of this version (to {last})", facts.version));
        self.check_exposure(report, facts.encryption.as_deref());
        if let Some(path) = self.url.path() {
            check_space(report, path);
        }
        match within(health::touch_undone(self.db, random::bytes())).await {
            Some(Ok(())) => report.ok("database write", "a write was taken, and rolled back"),
            Some(Err(error)) => report.fail("database write", format!("{error}: check disk, rights and standby")),
            None => {
                report.fail("database write", SILENT);
                return false;
            }
        }
        self.check_clock(report).await
    }

    fn check_exposure(&self, report: &mut CheckReport, encryption: Option<&str>) {
        let check = if self.url.path().is_some() { "data folder" } else { "database encryption" };
        let is_file = self.url.path().is_some();
        match (exposure::find(self.url), encryption) {
            (Some(exposure), _) => report.warn(check, exposure),
            (None, Some(protocol)) if self.url.is_verified() => {
                report.ok(check, format!("{protocol}, and the server's certificate is checked"));
            }
            (None, _) if is_file => report.ok(check, "only its owner can use it"),
            (None, encryption) if self.url.is_private() => {
                report.ok(check, format!("{}; the traffic stays on this machine", encryption.unwrap_or("none")));
            }
            (None, encryption) => {
                let state = encryption.map_or_else(|| "none".to_owned(), |protocol| format!("{protocol}, unchecked"));
                report.warn(check, format!("{state}: add ?sslmode=verify-full to the URL"));
            }
        }
    }

    /// Compares the clocks, and returns false if the database does not answer.
    async fn check_clock(&self, report: &mut CheckReport) -> bool {
        const CHECK: &str = "clock";
        match within(clock::compare(self.db, self.clock)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                report.fail(CHECK, format!("not compared: {error}"));
                return false;
            }
            None => {
                report.fail(CHECK, format!("not compared: the database {SILENT}"));
                return false;
            }
        }
        let hint = "set it, and keep it right by a time server (NTP)";
        match self.clock.problem() {
            None => report.ok(CHECK, format!("agrees with {}", self.clock.compared_with())),
            Some(problem) if self.leeway.is_some_and(|leeway| self.clock.offset().abs() > leeway) => {
                report.fail(CHECK, format!("{problem}, more than --clock-leeway allows: {hint}"));
            }
            Some(problem) => report.warn(CHECK, format!("{problem}: {hint}")),
        }
        true
    }
}

/// Checks that the file system of a database file has free space.
fn check_space(report: &mut CheckReport, path: &Path) {
    const CHECK: &str = "free space";
    match statvfs(folder_of(path)) {
        Ok(system) => {
            let free = system.f_bavail.saturating_mul(system.f_frsize);
            let (state, advice) = space_state(free);
            report.add(CHECK, state, format!("{} MiB{advice}", free / MIB));
        }
        Err(error) => report.warn(CHECK, format!("unknown ({error})")),
    }
}

/// Returns the state of a file system with as many free bytes, and what to do.
fn space_state(free: u64) -> (CheckState, &'static str) {
    match free {
        ..TOO_LITTLE_SPACE => (CheckState::Failed, ": writes fail soon or already: make room"),
        TOO_LITTLE_SPACE..LITTLE_SPACE => (CheckState::Warning, ": make room, before writes fail"),
        LITTLE_SPACE.. => (CheckState::Ok, ""),
    }
}

/// Reports a database that could not be opened. `None` stands for no answer in time.
pub fn check_unopened(report: &mut CheckReport, url: &DatabaseUrl, error: Option<&OpenError>) {
    match error {
        // The next start makes or migrates it.
        Some(OpenError::Absent(name)) => report.warn(CHECK, format!("{name} does not exist: the first start makes it")),
        Some(error @ OpenError::Older(..)) => report.warn(CHECK, error.to_string()),
        Some(error) => report.fail(CHECK, error.to_string()),
        None => report.fail(CHECK, format!("{url} {SILENT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_space_is_reported_before_writes_fail() {
        for (free, state) in [
            (0, CheckState::Failed),
            (16 * MIB - 1, CheckState::Failed),
            (16 * MIB, CheckState::Warning),
            (512 * MIB, CheckState::Ok),
            (u64::MAX, CheckState::Ok),
        ] {
            assert_eq!(space_state(free).0, state, "{free}");
        }
    }
}
