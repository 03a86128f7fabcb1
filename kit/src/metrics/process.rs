//! Metrics of the process, under the names that all client libraries of Prometheus use.

use std::fmt;
use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::page::{FamilyKind, MetricSource, MetricsPage};

/// Folder in which Linux describes this process.
const SELF: &str = "/proc/self";

/// Places in `/proc/self/stat`, counted from the state, which follows the name (`proc_pid_stat(5)`).
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
const START_TICKS: usize = 19;
const RESIDENT_PAGES: usize = 21;

/// Memory, processor time and open files of the process. A system without `/proc` shows only the limit of open files.
#[derive(Debug, Default)]
pub struct ProcessMetrics {
    /// Time of the machine's boot, which does not change.
    boot: OnceLock<Option<u64>>,
}

impl MetricSource for ProcessMetrics {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        if let Some(stat) = ProcessStat::read() {
            let help = "Memory of the process that is in RAM";
            page.family(FamilyKind::Bytes, "process_resident_memory", help)?.number(&[], stat.resident)?;
            page.seconds_counter("process_cpu", "Processor time of the process", stat.processor.as_secs_f64())?;
            if let Some(boot) = self.boot.get_or_init(boot_time) {
                let start = Duration::from_secs(*boot) + stat.start;
                page.seconds("process_start_time", "Start of the process, since 1970", start.as_secs_f64())?;
            }
        }
        if let Some(open) = open_descriptors() {
            page.gauge("process_open_fds", "Open file descriptors", open)?;
        }
        // An unlimited number is left out, as other client libraries do.
        getrlimit(Resource::Nofile)
            .current
            .map_or(Ok(()), |most| page.gauge("process_max_fds", "Limit of open file descriptors", most))
    }
}

/// Version of the program, as labels.
#[derive(Clone, Copy, Debug)]
pub struct BuildInfo;

impl MetricSource for BuildInfo {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let facts = [("version", env!("CARGO_PKG_VERSION")), ("commit", option_env!("GATEPOST_COMMIT").unwrap_or(""))];
        page.info("gatepost_build", "Version of the program, and the commit if the build knew it", &facts)
    }
}

/// Numbers of the process from `/proc/self/stat`.
struct ProcessStat {
    processor: Duration,
    /// Time from the boot to the start.
    start: Duration,
    /// Bytes in RAM.
    resident: u64,
}

impl ProcessStat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("{SELF}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The name may contain anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            processor: ticks(number(USER_TICKS)? + number(SYSTEM_TICKS)?),
            start: ticks(number(START_TICKS)?),
            resident: number(RESIDENT_PAGES)? * u64::try_from(page_size()).ok()?,
        })
    }
}

/// Returns the time of this number of the kernel's clock ticks.
fn ticks(count: u64) -> Duration {
    let each_second = clock_ticks_per_second().max(1);
    Duration::from_secs(count / each_second)
        + Duration::from_secs(count % each_second) / u32::try_from(each_second).unwrap_or(u32::MAX)
}

/// Returns the time of the machine's boot, in seconds since 1970.
fn boot_time() -> Option<u64> {
    fs::read_to_string("/proc/stat").ok()?.lines().find_map(|line| line.strip_prefix("btime ")?.parse().ok())
}

/// Returns the number of open descriptors, without the one that reads the folder.
fn open_descriptors() -> Option<u64> {
    u64::try_from(fs::read_dir(format!("{SELF}/fd")).ok()?.count()).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_with_spaces_and_brackets_is_skipped() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 500 20 3 22";
        let stat = ProcessStat::parse(&format!("42 (a b) (c) {fields}")).unwrap();
        let each_second = clock_ticks_per_second();
        assert_eq!(stat.processor, Duration::from_secs(200) / u32::try_from(each_second).unwrap());
        assert_eq!(stat.resident, 3 * u64::try_from(page_size()).unwrap());
    }

    #[test]
    fn process_has_memory_and_descriptors() {
        let stat = ProcessStat::read().unwrap();
        assert!(stat.resident > 1024 * 1024 && open_descriptors().unwrap() >= 3);
        assert!(boot_time().unwrap() > 1_500_000_000);
    }
}
