//! The state machine of the circuit breaker, without a clock.

use std::time::Duration;

use tokio::time::Instant;

/// Consecutive failures that open the circuit.
const FAILURE_THRESHOLD: u32 = 5;
/// Time between the starts of two probes.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// A circuit. Closed: every call passes. Open: only one probe at a time passes.
#[derive(Debug)]
pub(super) struct Circuit {
    state: CircuitState,
    /// Consecutive failures that open the circuit.
    pub(super) failures: u32,
    /// Time between the starts of two probes.
    pub(super) probe_interval: Duration,
    /// Number of probes so far. It tells a late probe from the running one.
    probes: u64,
}

#[derive(Debug)]
enum CircuitState {
    Closed { failures: u32 },
    Open { due: Instant, probe: Option<u64> },
}

/// The permission of a call to pass. The call returns it with its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// The circuit was closed.
    Closed,
    /// The call is the probe of an open circuit.
    Probe { number: u64, begun: Instant },
}

/// The effect of an outcome on the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CircuitChange {
    /// The circuit opened.
    Opened,
    /// The circuit closed.
    Closed,
}

impl Circuit {
    /// Returns a closed circuit without failures.
    pub(super) const fn closed() -> Self {
        Self {
            state: CircuitState::Closed { failures: 0 },
            failures: FAILURE_THRESHOLD,
            probe_interval: PROBE_INTERVAL,
            probes: 0,
        }
    }

    /// Returns the pass of a call that starts now; `None` if the call must fail at once.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Pass> {
        match &mut self.state {
            CircuitState::Closed { .. } => Some(Pass::Closed),
            CircuitState::Open { due, probe } => (probe.is_none() && now >= *due).then(|| {
                self.probes += 1;
                *probe = Some(self.probes);
                Pass::Probe { number: self.probes, begun: now }
            }),
        }
    }

    /// Records an answer. Closes the circuit, even if the call is older than the open state.
    pub(super) fn answered(&mut self) -> Option<CircuitChange> {
        let before = std::mem::replace(&mut self.state, CircuitState::Closed { failures: 0 });
        matches!(before, CircuitState::Open { .. }).then_some(CircuitChange::Closed)
    }

    /// Records a failure.
    pub(super) fn failed(&mut self, pass: Pass, now: Instant) -> Option<CircuitChange> {
        match &mut self.state {
            CircuitState::Closed { failures } if *failures + 1 < self.failures => {
                *failures += 1;
                None
            }
            CircuitState::Closed { .. } => {
                self.state = CircuitState::Open { due: now + self.probe_interval, probe: None };
                Some(CircuitChange::Opened)
            }
            CircuitState::Open { due, probe } => {
                // Failures of calls from before the circuit opened change nothing.
                if let Some(begun) = probe_start(*probe, pass) {
                    (*due, *probe) = (begun + self.probe_interval, None);
                }
                None
            }
        }
    }

    /// Records the end of a call without information about the verifier. If the call was the probe, the next call may
    /// be the probe at once.
    pub(super) fn abandoned(&mut self, pass: Pass) {
        if let CircuitState::Open { probe, .. } = &mut self.state
            && probe_start(*probe, pass).is_some()
        {
            *probe = None;
        }
    }
}

/// Returns the start of the running probe if this is its pass.
fn probe_start(probe: Option<u64>, pass: Pass) -> Option<Instant> {
    match pass {
        Pass::Probe { number, begun } if probe == Some(number) => Some(begun),
        Pass::Probe { .. } | Pass::Closed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Returns an open circuit and the time at which it opened.
    fn open() -> (Circuit, Instant) {
        let (mut circuit, now) = (Circuit::closed(), Instant::now());
        for _ in 0..4 {
            assert_eq!(circuit.failed(Pass::Closed, now), None);
        }
        assert_eq!(circuit.failed(Pass::Closed, now), Some(CircuitChange::Opened));
        (circuit, now)
    }

    #[test]
    fn answer_resets_the_count_of_failures() {
        let (mut circuit, now) = (Circuit::closed(), Instant::now());
        for _ in 0..3 {
            for _ in 0..4 {
                assert_eq!(circuit.failed(Pass::Closed, now), None);
                assert_eq!(circuit.admit(now), Some(Pass::Closed));
            }
            assert_eq!(circuit.answered(), None);
        }
    }

    #[test]
    fn abandoned_calls_leave_the_count_of_failures() {
        let (mut circuit, now) = (Circuit::closed(), Instant::now());
        for _ in 0..4 {
            assert_eq!(circuit.failed(Pass::Closed, now), None);
            circuit.abandoned(Pass::Closed);
        }
        assert_eq!(circuit.failed(Pass::Closed, now), Some(CircuitChange::Opened));
    }

    #[test]
    fn first_probe_is_due_after_250_ms() {
        let (mut circuit, opened) = open();
        assert_eq!(circuit.admit(opened), None);
        assert_eq!(circuit.admit(opened + ms(249)), None);
        assert!(matches!(circuit.admit(opened + ms(250)), Some(Pass::Probe { .. })));
    }

    #[test]
    fn slow_probe_blocks_further_probes() {
        let (mut circuit, opened) = open();
        assert!(circuit.admit(opened + ms(250)).is_some());
        for later in [250, 251, 500, 60_000] {
            assert_eq!(circuit.admit(opened + ms(later)), None, "{later}");
        }
    }

    #[test]
    fn next_probe_is_due_250_ms_after_the_last_start() {
        let (mut circuit, opened) = open();
        let probe = circuit.admit(opened + ms(300)).unwrap();
        assert_eq!(circuit.failed(probe, opened + ms(310)), None);
        assert_eq!(circuit.admit(opened + ms(549)), None);
        let slow = circuit.admit(opened + ms(550)).unwrap();
        assert_eq!(circuit.failed(slow, opened + ms(1_050)), None);
        assert!(circuit.admit(opened + ms(1_050)).is_some(), "the next probe is overdue");
    }

    #[test]
    fn answered_probe_resets_the_count_of_failures() {
        let (mut circuit, opened) = open();
        assert!(circuit.admit(opened + ms(250)).is_some());
        assert_eq!(circuit.answered(), Some(CircuitChange::Closed));
        for _ in 0..4 {
            assert_eq!(circuit.admit(opened + ms(251)), Some(Pass::Closed));
            assert_eq!(circuit.failed(Pass::Closed, opened + ms(251)), None);
        }
    }

    #[test]
    fn late_answer_closes_and_the_probe_then_counts_once() {
        let (mut circuit, opened) = open();
        let probe = circuit.admit(opened + ms(250)).unwrap();
        assert_eq!(circuit.answered(), Some(CircuitChange::Closed));
        for _ in 0..4 {
            assert_eq!(circuit.failed(probe, opened + ms(260)), None);
        }
        assert_eq!(circuit.failed(probe, opened + ms(260)), Some(CircuitChange::Opened));
    }

    #[test]
    fn late_failures_do_not_affect_probes() {
        let (mut circuit, opened) = open();
        assert_eq!(circuit.failed(Pass::Closed, opened + ms(200)), None);
        circuit.abandoned(Pass::Closed);
        assert!(circuit.admit(opened + ms(250)).is_some());
        assert_eq!(circuit.failed(Pass::Closed, opened + ms(260)), None);
        circuit.abandoned(Pass::Closed);
        assert_eq!(circuit.admit(opened + ms(1_000)), None);
    }

    #[test]
    fn abandoned_probe_is_replaced_at_once() {
        let (mut circuit, opened) = open();
        let first = circuit.admit(opened + ms(250)).unwrap();
        circuit.abandoned(first);
        let second = circuit.admit(opened + ms(250)).unwrap();
        assert_ne!(first, second);
        assert_eq!(circuit.admit(opened + ms(250)), None);
    }

    #[test]
    fn earlier_probe_does_not_end_the_running_one() {
        let (mut circuit, opened) = open();
        let old = circuit.admit(opened + ms(250)).unwrap();
        assert_eq!(circuit.answered(), Some(CircuitChange::Closed));
        for _ in 0..5 {
            circuit.failed(Pass::Closed, opened);
        }
        assert!(circuit.admit(opened + ms(250)).is_some());
        assert_eq!(circuit.failed(old, opened + ms(251)), None);
        circuit.abandoned(old);
        assert_eq!(circuit.admit(opened + ms(1_000)), None);
    }
}
