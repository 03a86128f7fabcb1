//! Which tokens a log knows of, whatever has been revoked: by when they were issued, and in which era.
//!
//! A date alone cannot say "all tokens until now" where a clock was wrong: one in the future refuses good tokens until then. So a
//! log has an era, too, which each token names. Another era begins whenever earlier tokens are to be dead.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The era of a log. Tokens and logs of earlier versions have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Era(pub i64);

/// Tells the tokens that a log knows of from those that are dead in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Horizon {
    /// Tokens that were issued until then are dead.
    pub until: DateTime<Utc>,
    /// The era of the tokens that are issued now.
    pub era: Era,
    /// The era before, and the time until which its tokens can have been issued: one that says it was issued later was issued
    /// under a wrong clock, and is dead. `None` if all tokens of the era before are dead.
    pub before: Option<(Era, DateTime<Utc>)>,
}

impl Era {
    /// Makes an era of random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        // JSON's numbers are exact up to 2^53 in every language. Zero stands for none.
        let number = (u128::from_be_bytes(bytes) >> 75) & ((1 << 53) - 1);
        Self(i64::try_from(number).unwrap_or_default().max(1))
    }

    /// Returns true for tokens and logs of earlier versions.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape of serde's skip_serializing_if")]
    pub fn is_none(&self) -> bool {
        self.0 == 0
    }
}

impl Horizon {
    /// Returns true if a token that was issued at this second, in this era, is dead.
    pub fn kills(&self, issued: i64, era: Era) -> bool {
        let is_of_before = |(before, until): (Era, DateTime<Utc>)| before == era && issued <= until.timestamp();
        issued <= self.until.timestamp() || !(era == self.era || self.before.is_some_and(is_of_before))
    }

    /// Returns true if this horizon has heard of the era: a token of any other may be of one that begins just now.
    pub fn has_heard_of(&self, era: Era) -> bool {
        era == self.era || self.before.is_some_and(|(before, _)| before == era)
    }

    /// Takes another one's place, which was read later. Within an era the date never goes back.
    pub fn follow(&mut self, later: Self) {
        let until = if later.era == self.era { later.until.max(self.until) } else { later.until };
        *self = Self { until, ..later };
    }
}

impl From<DateTime<Utc>> for Horizon {
    /// The horizon of an earlier version: a date alone.
    fn from(until: DateTime<Utc>) -> Self {
        Self { until, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn tokens_of_other_eras_are_dead_whatever_their_date() {
        let horizon = Horizon { until: at(10), era: Era(7), before: None };
        let dead = |issued, era| horizon.kills(issued, Era(era));
        assert_eq!([10, 11, 1_000_000].map(|issued| dead(issued, 7)), [true, false, false]);
        assert_eq!([0, 6, 8].map(|era| dead(1_000_000, era)), [true; 3]);
        assert!(!Horizon::from(at(10)).kills(11, Era::default()), "an earlier version's token at its log");
    }

    #[test]
    fn tokens_of_the_era_before_count_if_they_were_issued_in_it() {
        let horizon = Horizon { until: at(10), era: Era(7), before: Some((Era(6), at(50))) };
        let dead = |issued, era| horizon.kills(issued, Era(era));
        assert_eq!([10, 11, 50, 51].map(|issued| dead(issued, 6)), [true, false, false, true]);
        assert_eq!((dead(51, 7), dead(20, 5), dead(20, 0)), (false, true, true));
        assert_eq!([7, 6, 5].map(|era| horizon.has_heard_of(Era(era))), [true, true, false]);
    }

    #[test]
    fn date_goes_back_with_another_era_alone() {
        let mut horizon = Horizon { until: at(100), era: Era(7), before: None };
        horizon.follow(Horizon { until: at(50), ..horizon });
        assert_eq!(horizon.until, at(100));
        horizon.follow(Horizon { until: at(50), era: Era(8), before: None });
        assert_eq!((horizon.until, horizon.era), (at(50), Era(8)));
    }

    #[test]
    fn eras_are_whole_numbers_that_json_keeps() {
        assert_eq!(Era::from_random([0; 16]), Era(1));
        assert_eq!(Era::from_random([255; 16]), Era((1 << 53) - 1));
        assert!(Era::default().is_none() && !Era(1).is_none());
    }
}
