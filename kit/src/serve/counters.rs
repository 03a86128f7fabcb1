//! Counters of a server: its calls, its connections, and the memory for its peers.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::connection_end::ConnectionCounters;
use super::memory::Budget;
use super::standard::STANDARD_DESCRIPTORS;
use super::transport::STATUS_HEADER;
use crate::codes::{CODE_NAMES, code_number};
use crate::metrics::{
    BucketHistogram, EventCounter, FamilyKind, LevelGauge, LevelPermit, MetricSource, MetricsPage, WORK_BOUNDS,
};
use crate::trace::CallSpan;

/// Label of all methods that the contract does not have.
const OTHER_METHOD: &str = "other";

/// Metrics of a server. Clones share them.
#[derive(Clone)]
pub struct ServerMetrics(Arc<ServerCounters>);

/// Counters that the tasks of a server share.
pub(super) struct ServerCounters {
    /// Index of each method in `methods`, by path.
    places: HashMap<String, usize>,
    /// Methods of the contract, and one place for all others.
    methods: Vec<MethodCounters>,
    pub(super) connections: ConnectionCounters,
    budgets: OnceLock<Vec<NamedBudget>>,
}

/// Counters of one method.
struct MethodCounters {
    name: Arc<str>,
    by_code: [EventCounter; CODE_NAMES.len()],
    running: LevelGauge,
    times: BucketHistogram,
}

struct NamedBudget {
    kind: &'static str,
    budget: Budget,
}

/// Call that is counted, and whose span ends, when this value is dropped. Without an answer it counts as cancelled by
/// its caller.
pub(super) struct CallRecord<'c> {
    method: &'c MethodCounters,
    _running: LevelPermit<'c>,
    begun: Instant,
    code: AtomicU8,
    span: Option<Arc<CallSpan>>,
}

impl ServerMetrics {
    /// Creates the metrics of a server with the methods of this encoded descriptor set, and those of health and
    /// reflection.
    ///
    /// # Errors
    /// Fails if the set does not decode.
    pub fn from_descriptors(descriptors: &[u8]) -> Result<Self, DecodeError> {
        let mut names = Vec::new();
        for set in [descriptors].into_iter().chain(STANDARD_DESCRIPTORS) {
            for file in FileDescriptorSet::decode(set)?.file {
                for service in &file.service {
                    let of_service = service.method.iter();
                    names.extend(
                        of_service.map(|method| format!("{}.{}/{}", file.package(), service.name(), method.name())),
                    );
                }
            }
        }
        names.push(OTHER_METHOD.to_owned());
        let places = names.iter().enumerate().map(|(place, name)| (format!("/{name}"), place)).collect();
        Ok(Self(Arc::new(ServerCounters {
            places,
            methods: names.into_iter().map(MethodCounters::new).collect(),
            connections: ConnectionCounters::default(),
            budgets: OnceLock::new(),
        })))
    }

    /// Returns the path if it is a method's, otherwise a fixed word: callers choose all other paths.
    pub fn known_method(&self, path: &str) -> &str {
        self.0.places.get_key_value(path).map_or(OTHER_METHOD, |(path, _)| path)
    }

    /// Returns the counters.
    pub(super) fn counters(&self) -> &ServerCounters {
        &self.0
    }

    /// Shows the memory of requests and of answers from now on.
    pub(super) fn show_memory(&self, requests: &Budget, answers: &Budget) {
        let named = |kind, budget: &Budget| NamedBudget { kind, budget: budget.clone() };
        self.0.budgets.get_or_init(|| vec![named("requests", requests), named("answers", answers)]);
    }
}

impl ServerCounters {
    /// Counts a call of the method at this path, which began at `begun`, with its span if there is one.
    pub(super) fn begin_call(&self, path: &str, begun: Instant, span: Option<Arc<CallSpan>>) -> CallRecord<'_> {
        let place = self.places.get(path).copied().unwrap_or(self.methods.len() - 1);
        let method = &self.methods[place];
        CallRecord {
            method,
            _running: method.running.enter(),
            begun,
            code: AtomicU8::new(code_number(Code::Cancelled)),
            span,
        }
    }
}

impl MethodCounters {
    fn new(name: String) -> Self {
        Self {
            name: name.into(),
            by_code: Default::default(),
            running: LevelGauge::default(),
            times: BucketHistogram::new(WORK_BOUNDS),
        }
    }
}

impl CallRecord<'_> {
    /// Notes the answer's status code; the last one counts.
    pub(super) fn note(&self, code: Code) {
        self.code.store(code_number(code), Relaxed);
    }

    /// Notes a refusal: its code, and for the span its reason.
    pub(super) fn refuse(&self, status: &Status) {
        self.note(status.code());
        if let Some(span) = &self.span {
            span.set_failure(status);
        }
    }

    /// Notes the status of the answer's headers or trailers, if they have one.
    pub(super) fn note_from(&self, headers: &HeaderMap) {
        let Some(code) = headers.get(STATUS_HEADER).map(|code| Code::from_bytes(code.as_bytes())) else { return };
        self.note(code);
        if let (Some(span), true) = (&self.span, code != Code::Ok)
            && let Some(status) = Status::from_header_map(headers)
        {
            span.set_failure(&status);
        }
    }
}

impl Drop for CallRecord<'_> {
    fn drop(&mut self) {
        let (code, elapsed) = (self.code.load(Relaxed), self.begun.elapsed());
        self.method.by_code[usize::from(code)].one();
        self.method.times.record_time(elapsed);
        if let Some(span) = &self.span {
            span.end(&self.method.name, Code::from(i32::from(code)), elapsed);
        }
    }
}

impl MetricSource for ServerMetrics {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let counters = self.counters();
        let help = "Calls that have ended, by method and status code";
        let mut ended = page.family(FamilyKind::Counter, "gatepost_calls", help)?;
        for method in &counters.methods {
            for (code, count) in CODE_NAMES.iter().zip(&method.by_code) {
                ended.number(&[("method", &method.name), ("code", code)], count.get())?;
            }
        }
        let help = "Calls and streams that are running";
        let mut running = page.family(FamilyKind::Gauge, "gatepost_calls_running", help)?;
        for method in &counters.methods {
            running.number(&[("method", &method.name)], method.running.get())?;
        }
        let help = "Time from the arrival of a call's headers to the end of its answer";
        let mut times = page.family(FamilyKind::Times, "gatepost_call_duration", help)?;
        for method in &counters.methods {
            times.histogram(&[("method", &method.name)], &method.times)?;
        }
        counters.connections.write(page)?;
        let budgets = counters.budgets.get().map_or(&[][..], Vec::as_slice);
        let help = "Bytes of requests that are read or handled, and of answers that their readers have not taken";
        let mut bytes = page.family(FamilyKind::Bytes, "gatepost_message_memory", help)?;
        for NamedBudget { kind, budget } in budgets {
            bytes.number(&[("kind", kind)], number(budget.held()))?;
        }
        let mut limits = page.family(FamilyKind::Bytes, "gatepost_message_memory_limit", "Limit of these bytes")?;
        for NamedBudget { kind, budget } in budgets {
            limits.number(&[("kind", kind)], number(budget.limit()))?;
        }
        Ok(())
    }
}

fn number(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
