//! Checks of any service: descriptors, certificates, files of secrets, unsafe settings, and the running service.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::{NoSubscriber, with_default};

use super::check_list::CheckState;
use super::report::CheckReport;
use crate::Clock;
use crate::config::{Environment, InsecureSwitch};
use crate::handover::folder_of;
use crate::healthcheck::{Healthcheck, Unhealthy};
use crate::key_access::is_exposed;
use crate::serve::ServerLimits;
use crate::tls::{Certificates, TlsParts};

/// Longest wait of a check.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Permission bit that lets other users change a file.
const WRITABLE_BY_OTHERS: u32 = 0o002;

/// Remaining days of a certificate below which a check warns.
const CERTIFICATE_WARNING_DAYS: i64 = 30;

/// Waits for a check without its log lines; `None` after [`CHECK_TIMEOUT`].
pub async fn within<T>(work: impl Future<Output = T>) -> Option<T> {
    timeout(CHECK_TIMEOUT, work.with_subscriber(NoSubscriber::new())).await.ok()
}

/// Runs this work without its log lines, since a report shows them as results.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    with_default(NoSubscriber::new(), work)
}

/// Checks if the limit of open files is enough for the connections of the settings.
pub fn check_descriptors(report: &mut CheckReport, limits: &ServerLimits) {
    const CHECK: &str = "open files";
    let room = limits.connection_room();
    match (room.descriptors, room.wanted_descriptors) {
        (None, _) => report.ok(CHECK, format!("unlimited, for {} connections", room.connections)),
        (Some(most), wanted) if most < wanted => report.warn(
            CHECK,
            format!(
                "a limit of {most} leaves room for {} connections: raise it to {wanted} (`ulimit -n`, or LimitNOFILE of \
                 the unit) for all {} of --max-connections",
                room.connections, room.wanted
            ),
        ),
        (Some(most), _) => report.ok(CHECK, format!("a limit of {most} is enough for {} connections", room.connections)),
    }
}

/// Checks for how many days the certificates are still valid.
pub fn check_certificates(report: &mut CheckReport, tls: TlsParts, clock: &Clock) {
    for (role, days) in Certificates::new(tls, clock.clone()).days_left() {
        let check = format!("{} certificate", role.name());
        match days {
            ..0 => report.fail(&check, "has expired: renew it"),
            0..CERTIFICATE_WARNING_DAYS => report.warn(&check, format!("{days} days left: renew it")),
            _ => report.ok(&check, format!("{days} days left")),
        }
    }
}

/// Checks that other users cannot change the configuration file. Everyone may read it, since it holds no secret.
pub fn check_config_file(report: &mut CheckReport, environment: Environment) {
    const CHECK: &str = "configuration file";
    let Some(path) = environment.config_path() else { return };
    let shown = path.display();
    match fs::metadata(path) {
        Ok(file) if file.mode() & WRITABLE_BY_OTHERS != 0 => {
            report
                .warn(CHECK, format!("{shown} can be changed by other users of this machine: run `chmod o-w {shown}`"));
        }
        Ok(_) => report.ok(CHECK, format!("{shown} is in use")),
        Err(error) => report.warn(CHECK, format!("{shown} cannot be read again ({})", error.kind())),
    }
}

/// Checks that no other user can read a file that a setting `NAME_FILE` names.
pub fn check_secret_files(report: &mut CheckReport, environment: Environment, names: impl IntoIterator<Item = String>) {
    for name in names.into_iter().map(|name| format!("{name}_FILE")) {
        let Ok(Some(path)) = environment.cleaned(&name) else { continue };
        let path = PathBuf::from(path);
        // A file that cannot be read is a fault of the settings.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        match is_exposed(&metadata, folder_of(&path)) {
            Ok(true) => {
                let shown = path.display();
                report.warn(
                    &name,
                    format!("{shown} can be read by other users of this machine: run `chmod go= {shown}`"),
                );
            }
            Ok(false) => report.ok(&name, "only the service can read the file"),
            Err(error) => {
                report.warn(&name, format!("the access rights of {} are unknown ({})", path.display(), error.kind()));
            }
        }
    }
}

/// Reports the ways in which plaintext leaves this machine, and a switch that allows them.
pub fn check_exposed(report: &mut CheckReport, switch: InsecureSwitch, exposed: &[String]) {
    const CHECK: &str = "plaintext";
    let name = switch.name;
    match (switch.is_on, exposed) {
        (false, []) => report.ok(CHECK, "no plaintext leaves this machine"),
        (false, exposed) => report.fail(CHECK, format!("refused without {name}: {}", exposed.join(", "))),
        (true, []) => report.warn(CHECK, format!("{name} is true, and no plaintext needs it: unset it")),
        (true, exposed) => report.warn(
            CHECK,
            format!("{name} is true: {}; use TLS, or use it only on a trusted network", exposed.join(", ")),
        ),
    }
}

/// Checks if the service serves at its own address. A service may be down while an operator looks for the reason.
pub async fn check_running(report: &mut CheckReport, listen: SocketAddr, certificate: Option<&Path>) {
    const CHECK: &str = "service";
    if listen.port() == 0 {
        return report.add(CHECK, CheckState::Skipped, "not asked, since its port is chosen at the start");
    }
    match Healthcheck::own().check(listen, certificate).await {
        Ok(url) => report.ok(CHECK, format!("{url} serves")),
        Err(Unhealthy::Silent(url)) => report.warn(CHECK, format!("nothing answers at {url}: the service is down")),
        Err(error) => report.warn(CHECK, error.to_string()),
    }
}
