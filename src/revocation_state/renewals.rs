//! Renewal requests without an answer.

use std::collections::VecDeque;
use std::time::Duration;

/// Maximum number of pending requests. Older ones are dropped, and their answers are ignored.
const MAX_PENDING_RENEWALS: usize = 16;

/// The renewal requests of one stream, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Renewals {
    last: u64,
    sent: VecDeque<(u64, Duration)>,
    /// Send time of the oldest request without an answer, dropped ones included.
    waiting_since: Option<Duration>,
}

impl Renewals {
    /// Returns the number of a new request. The caller reads `now` before sending it.
    pub fn ask(&mut self, now: Duration) -> u64 {
        self.last += 1;
        self.waiting_since.get_or_insert(now);
        if self.sent.len() == MAX_PENDING_RENEWALS {
            self.sent.pop_front();
        }
        self.sent.push_back((self.last, now));
        self.last
    }

    /// Returns the send time of the request with this number; `None` if it is unknown. The answer covers earlier
    /// requests too.
    ///
    /// The time is that of the request and not of the answer: the answer was true at some moment between them.
    pub fn answered(&mut self, number: u64) -> Option<Duration> {
        let place = self.sent.iter().position(|(sent, _)| *sent == number)?;
        let sent = self.sent.drain(..=place).next_back().map(|(_, time)| time);
        self.waiting_since = self.sent.front().map(|(_, time)| *time);
        sent
    }

    /// Returns the send time of the oldest request without an answer.
    pub fn waiting_since(&self) -> Option<Duration> {
        self.waiting_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at_second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn answer_counts_from_its_own_request() {
        let mut renewals = Renewals::default();
        let numbers = [1, 2, 3].map(|second| renewals.ask(at_second(second)));
        assert_eq!(renewals.waiting_since(), Some(at_second(1)));
        assert_eq!(renewals.answered(numbers[1]), Some(at_second(2)));
        assert_eq!(renewals.answered(numbers[1]), None, "once");
        assert_eq!(renewals.answered(numbers[0]), None, "the later answer covers it");
        assert_eq!(renewals.waiting_since(), Some(at_second(3)));
        assert_eq!(renewals.answered(99), None);
    }

    #[test]
    fn pending_requests_are_limited() {
        let mut renewals = Renewals::default();
        let numbers: Vec<_> = (0..20).map(|second| renewals.ask(at_second(second))).collect();
        assert_eq!(renewals.answered(numbers[3]), None);
        assert_eq!(renewals.waiting_since(), Some(at_second(0)), "the silence has lasted since the first");
        assert_eq!(renewals.answered(numbers[4]), Some(at_second(4)));
        assert_eq!(renewals.waiting_since(), Some(at_second(5)));
    }
}
