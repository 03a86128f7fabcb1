//! When a failing verifier is left alone, and when it is asked whether it is well: a state machine without a clock.

use std::time::Duration;

use tokio::time::Instant;

/// The failures in a row that open the circuit.
const FAILURES: u32 = 5;
/// The time between an open circuit's probes, from the beginning of one to that of the next.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// Closed: every call passes. Open: none does but one probe at a time.
#[derive(Debug)]
pub(super) struct Circuit {
    state: State,
    /// The failures in a row that open it.
    pub(super) failures: u32,
    /// The time between probes, from the beginning of one to that of the next.
    pub(super) probe_interval: Duration,
    /// How many probes there have ever been, so that a late one is not taken for the one under way.
    probes: u64,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { due: Instant, probe: Option<u64> },
}

/// By what right a call has passed; given back with the call's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// The circuit was closed.
    Closed,
    /// The call is an open circuit's probe.
    Probe { number: u64, begun: Instant },
}

/// What an outcome has made of the circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was closed, and is open now.
    Opened,
    /// It was open, and is closed now.
    Closed,
}

impl Circuit {
    /// Returns a circuit without failures.
    pub(super) const fn closed() -> Self {
        Self { state: State::Closed { failures: 0 }, failures: FAILURES, probe_interval: PROBE_INTERVAL, probes: 0 }
    }

    /// The pass of a call that would begin now; none when it must fail at once.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Pass> {
        match &mut self.state {
            State::Closed { .. } => Some(Pass::Closed),
            State::Open { due, probe } => (probe.is_none() && now >= *due).then(|| {
                self.probes += 1;
                *probe = Some(self.probes);
                Pass::Probe { number: self.probes, begun: now }
            }),
        }
    }

    /// A call got an answer. It closes the circuit whenever the call began: what answers is not to be left alone.
    pub(super) fn answered(&mut self) -> Option<Change> {
        let before = std::mem::replace(&mut self.state, State::Closed { failures: 0 });
        matches!(before, State::Open { .. }).then_some(Change::Closed)
    }

    /// A call has failed.
    pub(super) fn failed(&mut self, pass: Pass, now: Instant) -> Option<Change> {
        match &mut self.state {
            State::Closed { failures } if *failures + 1 < self.failures => {
                *failures += 1;
                None
            }
            State::Closed { .. } => {
                self.state = State::Open { due: now + self.probe_interval, probe: None };
                Some(Change::Opened)
            }
            State::Open { due, probe } => {
                // Calls that began before the circuit opened fail late, and say nothing new.
                if let Some(begun) = under_way(*probe, pass) {
                    (*due, *probe) = (begun + self.probe_interval, None);
                }
                None
            }
        }
    }

    /// A call has ended and says nothing about the verifier. If it was the probe, the next call may take its place at
    /// once: nobody knows yet what the probe was to find out.
    pub(super) fn abandoned(&mut self, pass: Pass) {
        if let State::Open { probe, .. } = &mut self.state
            && under_way(*probe, pass).is_some()
        {
            *probe = None;
        }
    }
}

/// When the probe under way began, if this is its pass.
fn under_way(probe: Option<u64>, pass: Pass) -> Option<Instant> {
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

    /// A circuit that opened at the returned time.
    fn open() -> (Circuit, Instant) {
        let (mut circuit, now) = (Circuit::closed(), Instant::now());
        for _ in 0..4 {
            assert_eq!(circuit.failed(Pass::Closed, now), None);
        }
        assert_eq!(circuit.failed(Pass::Closed, now), Some(Change::Opened));
        (circuit, now)
    }

    #[test]
    fn four_failures_in_a_row_leave_it_closed_and_an_answer_makes_them_forgotten() {
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
    fn what_says_nothing_neither_counts_nor_makes_failures_forgotten() {
        let (mut circuit, now) = (Circuit::closed(), Instant::now());
        for _ in 0..4 {
            assert_eq!(circuit.failed(Pass::Closed, now), None);
            circuit.abandoned(Pass::Closed);
        }
        assert_eq!(circuit.failed(Pass::Closed, now), Some(Change::Opened));
    }

    #[test]
    fn the_first_probe_is_due_250_ms_after_it_opened() {
        let (mut circuit, opened) = open();
        assert_eq!(circuit.admit(opened), None);
        assert_eq!(circuit.admit(opened + ms(249)), None);
        assert!(matches!(circuit.admit(opened + ms(250)), Some(Pass::Probe { .. })));
    }

    #[test]
    fn there_is_one_probe_at_a_time_however_long_it_takes() {
        let (mut circuit, opened) = open();
        assert!(circuit.admit(opened + ms(250)).is_some());
        for later in [250, 251, 500, 60_000] {
            assert_eq!(circuit.admit(opened + ms(later)), None, "{later}");
        }
    }

    #[test]
    fn a_failed_probe_is_followed_250_ms_after_it_began() {
        let (mut circuit, opened) = open();
        let probe = circuit.admit(opened + ms(300)).unwrap();
        assert_eq!(circuit.failed(probe, opened + ms(310)), None);
        assert_eq!(circuit.admit(opened + ms(549)), None);
        let slow = circuit.admit(opened + ms(550)).unwrap();
        assert_eq!(circuit.failed(slow, opened + ms(1_050)), None);
        assert!(circuit.admit(opened + ms(1_050)).is_some(), "the next one has been due for a while");
    }

    #[test]
    fn an_answer_to_the_probe_closes_it_with_no_failure_left() {
        let (mut circuit, opened) = open();
        assert!(circuit.admit(opened + ms(250)).is_some());
        assert_eq!(circuit.answered(), Some(Change::Closed));
        for _ in 0..4 {
            assert_eq!(circuit.admit(opened + ms(251)), Some(Pass::Closed));
            assert_eq!(circuit.failed(Pass::Closed, opened + ms(251)), None);
        }
    }

    #[test]
    fn a_late_answer_closes_it_and_the_probe_then_counts_like_any_call() {
        let (mut circuit, opened) = open();
        let probe = circuit.admit(opened + ms(250)).unwrap();
        assert_eq!(circuit.answered(), Some(Change::Closed));
        for _ in 0..4 {
            assert_eq!(circuit.failed(probe, opened + ms(260)), None);
        }
        assert_eq!(circuit.failed(probe, opened + ms(260)), Some(Change::Opened));
    }

    #[test]
    fn late_failures_neither_put_off_a_probe_nor_make_room_for_a_second() {
        let (mut circuit, opened) = open();
        assert_eq!(circuit.failed(Pass::Closed, opened + ms(200)), None);
        circuit.abandoned(Pass::Closed);
        assert!(circuit.admit(opened + ms(250)).is_some());
        assert_eq!(circuit.failed(Pass::Closed, opened + ms(260)), None);
        circuit.abandoned(Pass::Closed);
        assert_eq!(circuit.admit(opened + ms(1_000)), None);
    }

    #[test]
    fn an_abandoned_probe_makes_room_for_the_next_call() {
        let (mut circuit, opened) = open();
        let first = circuit.admit(opened + ms(250)).unwrap();
        circuit.abandoned(first);
        let second = circuit.admit(opened + ms(250)).unwrap();
        assert_ne!(first, second);
        assert_eq!(circuit.admit(opened + ms(250)), None);
    }

    #[test]
    fn a_probe_of_before_is_not_taken_for_the_one_under_way() {
        let (mut circuit, opened) = open();
        let old = circuit.admit(opened + ms(250)).unwrap();
        assert_eq!(circuit.answered(), Some(Change::Closed));
        for _ in 0..5 {
            circuit.failed(Pass::Closed, opened);
        }
        assert!(circuit.admit(opened + ms(250)).is_some());
        assert_eq!(circuit.failed(old, opened + ms(251)), None);
        circuit.abandoned(old);
        assert_eq!(circuit.admit(opened + ms(1_000)), None);
    }
}
