//! The renewals that have been sent and not been answered.

use std::collections::VecDeque;
use std::time::Duration;

/// How many may be under way; older ones are forgotten, and their answers say nothing.
const MOST: usize = 16;

/// The questions of one stream, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Renewals {
    last: u64,
    sent: VecDeque<(u64, Duration)>,
    /// The time of the oldest one without an answer, also when it is forgotten: silence lasts on.
    waiting_since: Option<Duration>,
}

impl Renewals {
    /// The number of a question that is sent now. `now` is read before it is sent.
    pub fn ask(&mut self, now: Duration) -> u64 {
        self.last += 1;
        self.waiting_since.get_or_insert(now);
        if self.sent.len() == MOST {
            self.sent.pop_front();
        }
        self.sent.push_back((self.last, now));
        self.last
    }

    /// When the question with this number was sent; `None` for one that is not known. Earlier ones are answered by it, too.
    ///
    /// The time is that of the question and never a later one's, nor that of the answer: what the answer says was so at
    /// some time between them.
    pub fn answered(&mut self, number: u64) -> Option<Duration> {
        let place = self.sent.iter().position(|(sent, _)| *sent == number)?;
        let sent = self.sent.drain(..=place).next_back().map(|(_, time)| time);
        self.waiting_since = self.sent.front().map(|(_, time)| *time);
        sent
    }

    /// When the oldest one was sent that has no answer.
    pub fn waiting_since(&self) -> Option<Duration> {
        self.waiting_since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn an_answer_counts_from_its_own_question() {
        let mut renewals = Renewals::default();
        let numbers = [1, 2, 3].map(|second| renewals.ask(at(second)));
        assert_eq!(renewals.waiting_since(), Some(at(1)));
        assert_eq!(renewals.answered(numbers[1]), Some(at(2)));
        assert_eq!(renewals.answered(numbers[1]), None, "once");
        assert_eq!(renewals.answered(numbers[0]), None, "the earlier one with it");
        assert_eq!(renewals.waiting_since(), Some(at(3)));
        assert_eq!(renewals.answered(99), None);
    }

    #[test]
    fn no_more_are_kept_than_are_allowed() {
        let mut renewals = Renewals::default();
        let numbers: Vec<_> = (0..20).map(|second| renewals.ask(at(second))).collect();
        assert_eq!(renewals.answered(numbers[3]), None);
        assert_eq!(renewals.waiting_since(), Some(at(0)), "the silence has lasted since the first");
        assert_eq!(renewals.answered(numbers[4]), Some(at(4)));
        assert_eq!(renewals.waiting_since(), Some(at(5)));
    }
}
