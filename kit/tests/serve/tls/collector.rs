//! Export to a collector behind TLS.

use gatepost::{GuardLayer, Policy, Rule};
use kit::ServiceAddress;
use kit::config::InsecureSwitch;
use kit::otlp::CollectorSettings;
use testkit::collector::Collector;
use testkit::tls::Authority;

use super::super::support::{OneTokenVerifier, start_with};
use super::super::traces::{Exported, QUICK};
use super::world::World;

#[tokio::test]
async fn collector_is_known_by_its_authority() {
    let world = World::new();
    let unknown = Authority::new("other").write(world.folder.path(), "unknown");
    let collector = Collector::start().await;
    let policy = ["trace.v1.TraceService", "metrics.v1.MetricsService"]
        .into_iter()
        .map(|service| format!("/opentelemetry.proto.collector.{service}/Export"))
        .fold(Policy::closed(), |policy, path| policy.rule(path, Rule::Public));
    let guard = GuardLayer::new(policy, OneTokenVerifier).unwrap();
    let (routes, tls) = (collector.routes(), Some(world.tls(None)));
    let port = start_with(|parts| (parts.routes, parts.guard, parts.tls) = (routes, guard, tls)).await;
    let endpoint = ServiceAddress::from_socket(port.address).with_tls(true);
    let insecure = InsecureSwitch { name: "KIT_INSECURE", is_on: false };
    for (authorities, result) in [(&world.ca, "sent"), (&unknown, "dropped")] {
        let (endpoint, authorities) = (Some(&endpoint), Some(authorities));
        let settings = CollectorSettings { prefix: "KIT", endpoint, authorities, insecure };
        let exported = Exported::start_at(settings.open().unwrap().unwrap(), QUICK).await;
        exported.verify("", None).await.unwrap();
        exported.until(result, 1).await;
    }
    assert_eq!(collector.spans(|_| true).await.len(), 1);
}
