//! Metrics of the process and its build.

use kit::ops::Metrics;
use testkit::MetricsText;

fn page() -> MetricsText {
    let mut metrics = Metrics::default();
    metrics.add_process();
    MetricsText(metrics.text())
}

#[test]
fn process_shows_its_resources() {
    let page = page();
    assert!(page.value("process_resident_memory_bytes") > 1024.0 * 1024.0);
    assert!(page.value("process_open_fds") >= 3.0);
    assert!(page.value("process_max_fds") >= page.value("process_open_fds"));
    // 2020-09-13: a start in seconds since 1970.
    assert!(page.value("process_start_time_seconds") > 1_600_000_000.0);
}

#[test]
fn processor_time_grows_with_work() {
    let before = page().value("process_cpu_seconds_total");
    let mut number = 1_u64;
    while page().value("process_cpu_seconds_total") <= before {
        for _ in 0..1_000_000 {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
    }
}

#[test]
fn open_file_is_counted() {
    let before = page().value("process_open_fds");
    let files: Vec<_> = (0..20).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
    // Other tests of this process open files too.
    assert!(page().value("process_open_fds") > before, "{} files", files.len());
}

#[test]
fn build_names_its_version() {
    let page = page();
    let series = format!("gatepost_build_info{{version=\"{}\",", env!("CARGO_PKG_VERSION"));
    assert!(page.0.lines().any(|line| line.starts_with(&series) && line.ends_with(" 1")), "{}", page.0);
}
