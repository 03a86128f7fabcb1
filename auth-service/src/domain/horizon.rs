//! Which tokens a log knows of, whatever has been revoked: by when they were issued, and in which era.
//!
//! A date alone cannot say "all tokens until now" where a clock was wrong: one in the future refuses good tokens until then. So a
//! log has an era, too, which each token bears in its id. Another era begins whenever earlier tokens are to be dead.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The era of a log: 32 random bits, the last of its tokens' ids. Zero stands for a log of an earlier version, whose tokens end in
/// any bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
        let [.., a, b, c, d] = bytes;
        Self(i64::from(u32::from_be_bytes([a, b, c, d])).max(1))
    }

    /// Returns the era that a token of this id bears.
    pub fn of_token(id: Uuid) -> Self {
        let [.., a, b, c, d] = id.into_bytes();
        Self(u32::from_be_bytes([a, b, c, d]).into())
    }

    /// Puts the era into a token's id, a `UUIDv7` whose last 32 bits are random: what makes it unique stands before them.
    #[must_use]
    pub fn put_into(self, id: Uuid) -> Uuid {
        let Ok(era @ 1..) = u32::try_from(self.0) else { return id };
        let mut bytes = id.into_bytes();
        bytes[12..].copy_from_slice(&era.to_be_bytes());
        Uuid::from_bytes(bytes)
    }

    /// Returns true if tokens that bear `other` are of this era.
    fn holds(self, other: Self) -> bool {
        self.0 == 0 || self == other
    }
}

impl Horizon {
    /// Returns true if a token that was issued at this second, in this era, is dead.
    pub fn kills(&self, issued: i64, era: Era) -> bool {
        let is_of_before = |(before, until): (Era, DateTime<Utc>)| before.holds(era) && issued <= until.timestamp();
        issued <= self.until.timestamp() || !(self.era.holds(era) || self.before.is_some_and(is_of_before))
    }

    /// Returns true if this horizon has heard of the era: a token of any other may be of one that begins just now.
    pub fn knows_era(&self, era: Era) -> bool {
        self.era.holds(era) || self.before.is_some_and(|(before, _)| before.holds(era))
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
    fn tokens_of_other_eras_are_dead() {
        let horizon = Horizon { until: at(10), era: Era(7), before: None };
        let dead = |issued, era| horizon.kills(issued, Era(era));
        assert_eq!([10, 11, 1_000_000].map(|issued| dead(issued, 7)), [true, false, false]);
        assert_eq!([0, 6, 8].map(|era| dead(1_000_000, era)), [true; 3]);
        assert!(!Horizon::from(at(10)).kills(11, Era::default()), "an earlier version's token at its log");
    }

    #[test]
    fn previous_era_tokens_count_until_its_end() {
        let horizon = Horizon { until: at(10), era: Era(7), before: Some((Era(6), at(50))) };
        let dead = |issued, era| horizon.kills(issued, Era(era));
        assert_eq!([10, 11, 50, 51].map(|issued| dead(issued, 6)), [true, false, false, true]);
        assert_eq!((dead(51, 7), dead(20, 5), dead(20, 0)), (false, true, true));
        assert_eq!([7, 6, 5].map(|era| horizon.knows_era(Era(era))), [true, true, false]);
    }

    #[test]
    fn date_moves_back_only_with_a_new_era() {
        let mut horizon = Horizon { until: at(100), era: Era(7), before: None };
        horizon.follow(Horizon { until: at(50), ..horizon });
        assert_eq!(horizon.until, at(100));
        horizon.follow(Horizon { until: at(50), era: Era(8), before: None });
        assert_eq!((horizon.until, horizon.era), (at(50), Era(8)));
    }

    #[test]
    fn token_ids_carry_the_era() {
        assert_eq!([[0; 16], [255; 16]].map(Era::from_random), [Era(1), Era(u32::MAX.into())]);
        let id = Uuid::from_u128(0x0190_0000_0000_7abc_8def_0123_4567_89ab);
        for era in [Era(1), Era(0x4567_89ab), Era(u32::MAX.into())] {
            let own = era.put_into(id);
            assert_eq!((Era::from_token_id(own), own.get_version_num()), (era, 7));
            assert_eq!(own.as_u128() >> 32, id.as_u128() >> 32);
        }
        assert_eq!(Era::default().put_into(id), id, "a log of an earlier version changes none");
    }

    #[test]
    fn log_without_era_judges_tokens_by_date() {
        let old = Horizon::from(at(10));
        assert!(!old.kills(11, Era(5)) && old.kills(10, Era(5)) && old.knows_era(Era(5)));
        let next = Horizon { era: Era(7), before: Some((Era::default(), at(50))), ..old };
        assert_eq!([11, 50, 51].map(|issued| next.kills(issued, Era(5))), [false, false, true]);
    }
}
