//! The metrics of both services, compared with those that the documentation lists.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use testkit::MetricsText;
use testkit::http::get_by_tls;

use super::secured::SecuredPair;
use super::support::{Outcome, tool};

const MONITORING: &str = include_str!("../../../docs/operations/monitoring.md");

/// Suffixes of the series of a metric: only histograms have the last three.
const SUFFIXES: [&str; 4] = ["", "_bucket", "_sum", "_count"];

/// Returns the names of metrics in this text, without their labels.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
    words.filter(|word| word.starts_with("gatepost_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// Returns true if a documented metric has this series.
fn is_known(documented: &BTreeSet<String>, series: &str) -> bool {
    SUFFIXES.iter().any(|suffix| series.strip_suffix(suffix).is_some_and(|name| documented.contains(name)))
}

/// Returns the names in the first column of the section's tables.
fn documented() -> BTreeSet<String> {
    let (_, section) = MONITORING.split_once("\n## Metrics\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    rows.flat_map(names).collect()
}

/// Returns the names on the page of a service with TLS.
async fn scraped(secured: &SecuredPair, ops: Option<&str>) -> BTreeSet<String> {
    let address: SocketAddr = ops.unwrap().parse().unwrap();
    loop {
        let page = get_by_tls(address, &secured.ca, "/metrics").await;
        if page.status == 200 {
            return MetricsText(page.body).names();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_the_reverse() -> Outcome {
    // Some metrics exist only with TLS.
    let secured = SecuredPair::start(&[("AUTH_OPS_LISTEN", "127.0.0.1:0"), ("BLOG_OPS_LISTEN", "127.0.0.1:0")]);
    let auth = scraped(&secured, secured.pair.auth_ops.as_deref()).await;
    let blog = scraped(&secured, secured.pair.blog_ops.as_deref()).await;
    let all: BTreeSet<_> = auth.union(&blog).cloned().collect();
    let documented = documented();
    let missing: Vec<_> = all.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&all).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not documented: {missing:?}; not served: {unknown:?}");
    secured.pair.stop();
    Ok(())
}

/// An alert on a metric that no service has would never fire.
#[test]
fn alerts_name_documented_metrics() {
    let (_, alerts) = MONITORING.split_once("\n## Alerts\n").unwrap();
    let (alerts, _) = alerts.split_once("\n## ").unwrap();
    let documented = documented();
    for name in names(alerts) {
        assert!(is_known(&documented, &name), "{name}");
    }
}

/// Alerts and panels on a metric that no service has would show nothing.
#[test]
fn alert_rules_and_dashboard_name_documented_metrics() {
    let documented = documented();
    for text in [
        include_str!("../../../deploy/prometheus/alerts.yaml"),
        include_str!("../../../deploy/prometheus/alerts_test.yaml"),
        include_str!("../../../deploy/grafana/gatepost.json"),
    ] {
        let names = names(text);
        assert!(names.len() > 5);
        for name in names {
            assert!(is_known(&documented, &name), "{name}");
        }
    }
}

/// The dashboard shows every metric.
#[test]
fn dashboard_shows_each_documented_metric() {
    let shown = names(include_str!("../../../deploy/grafana/gatepost.json"));
    let is_shown = |name: &&String| SUFFIXES.iter().any(|suffix| shown.contains(&format!("{name}{suffix}")));
    let missing: Vec<_> = documented().into_iter().filter(|name| !is_shown(&name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn promtool_accepts_the_alert_rules() {
    let program = tool("GATEPOST_PROMTOOL", "promtool");
    if program == "skip" {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus");
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]] {
        let ended = Command::new(&program).args(arguments).current_dir(&folder).output().unwrap_or_else(|error| {
            panic!(
                "{program}: {error}; install Debian's package `prometheus`, run scripts/test --setup, name the program \
                 in GATEPOST_PROMTOOL, or omit the check with GATEPOST_PROMTOOL=skip"
            )
        });
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
}
