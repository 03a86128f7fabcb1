//! Metrics in the text format of Prometheus.

use std::sync::Arc;

use gatepost::metrics::{AuthMetrics, GuardMetrics};
use kit::ops::{Metrics, OpsLimits};
use testkit::http::get;

use super::support::open;

/// Metrics of a guard before its first call.
const NOTHING: &str = include_str!("nothing.txt");

#[tokio::test]
async fn new_guard_has_all_its_metrics() {
    let port = open(OpsLimits::default()).await;
    let mut metrics = Metrics::default();
    metrics.count_decisions(GuardMetrics::default());
    metrics.count_verifications(AuthMetrics::default());
    port.endpoints.show(vec![Arc::new(metrics).endpoint()], Box::new(|| Box::pin(async { Ok(()) })));
    let page = get(port.address, "/metrics").await;
    assert_eq!(page.status, 200);
    for field in ["content-type: application/openmetrics-text; version=1.0.0; charset=utf-8", "cache-control: no-store"]
    {
        assert!(page.head.contains(field), "{field}: {}", page.head);
    }
    assert_eq!(page.body, NOTHING);
}
