//! The guard's counters in a recorder of the crate `metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gatepost::{AuthService, Token};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use mixed_server::api::GetItemRequest;
use tonic::Code;

use crate::support::{World, code};

/// A recorder that tests read.
#[derive(Default)]
struct Recorded {
    numbers: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    units: Mutex<BTreeMap<String, Option<Unit>>>,
}

/// The number of times in a histogram.
struct Times(Arc<AtomicU64>);

impl HistogramFn for Times {
    fn record(&self, seconds: f64) {
        assert!((0.0..=1.0).contains(&seconds), "{seconds}: evidence is at most 1 s old");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorded {
    fn number(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
        let name: Vec<_> = [key.name().to_owned()].into_iter().chain(labels).collect();
        Arc::clone(self.numbers.lock().unwrap().entry(name.join(" ")).or_default())
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>, description: &SharedString) {
        assert!(!description.is_empty(), "{}", key.as_str());
        self.units.lock().unwrap().insert(key.as_str().to_owned(), unit);
    }

    /// Returns a number.
    fn read(&self, name: &str) -> u64 {
        let numbers = self.numbers.lock().unwrap();
        numbers.get(name).unwrap_or_else(|| panic!("{name} is not registered")).load(Ordering::Relaxed)
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.number(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.number(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Times(self.number(key))))
    }
}

#[tokio::test]
async fn decisions_and_verdicts_reach_the_recorder() {
    let recorded = Recorded::default();
    let world = World::recorded(&recorded).await;
    let token = world.visitor();
    let mut client = world.client(&token);
    let lamp = || GetItemRequest { item: "lamp".to_owned() };
    assert_eq!(code(&client.get_item(lamp()).await), Code::Ok);
    assert_eq!(code(&client.get_item(lamp()).await), Code::Ok);
    world.auth.revoke(&token);
    assert_eq!(code(&client.get_item(lamp()).await), Code::Unauthenticated);

    for (name, number) in [
        ("gatepost_guard_decisions_total result=allow reason=", 2),
        ("gatepost_guard_decisions_total result=deny reason=TOKEN_REVOKED", 1),
        ("gatepost_guard_decisions_total result=deny reason=TOKEN_MISSING", 0),
        ("gatepost_guard_ended_total reason=TOKEN_REVOKED", 0),
        ("gatepost_guard_verdicts_total result=miss", 1),
    ] {
        assert_eq!(recorded.read(name), number, "{name}");
    }
    // A request that arrives in parts may be checked again.
    for name in ["gatepost_guard_verdicts_total result=hit", "gatepost_guard_evidence_age_seconds"] {
        assert!(recorded.read(name) >= 2, "{name}");
    }
}

#[tokio::test]
async fn each_metric_of_the_manual_has_a_description() {
    let recorded = Recorded::default();
    let _world = World::recorded(&recorded).await;
    let key = Token::parse("service-key").unwrap();
    metrics::with_local_recorder(&recorded, || AuthService::builder("http://127.0.0.1:1").service_key(&key).build())
        .unwrap();
    let units = recorded.units.lock().unwrap();
    for (name, unit) in &*units {
        let expected = match name.as_str() {
            name if name.ends_with("_total") => Some(Unit::Count),
            name if name.ends_with("_seconds") => Some(Unit::Seconds),
            _ => None,
        };
        assert_eq!(*unit, expected, "{name}");
    }
    let names: BTreeSet<_> = units.keys().map(|name| name.strip_prefix("gatepost_").unwrap()).collect();
    let guard = ["guard_decisions_total", "guard_ended_total", "guard_verdicts_total", "guard_flights_joined_total"];
    let times = ["guard_given_up_total", "guard_evidence_age_seconds", "feed_lag_seconds"];
    let feed = ["feed_up", "feed_renewals_total", "feed_resets_total", "feed_gaps_total"];
    let endpoints = ["guard_endpoints", "guard_endpoints_down", "guard_failovers_total"];
    assert_eq!(names, guard.into_iter().chain(times).chain(feed).chain(endpoints).collect());
}
