//! Horizon of the log. By issue time and era, it separates tokens that may be valid from tokens that are dead in any
//! case.
//!
//! A date alone cannot express "all tokens until now" if a clock was wrong: a future date would refuse good tokens
//! until then. So each log also has an era, which each token carries in its id. A new era starts whenever all earlier
//! tokens must die.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::TokenId;

/// Era of a log: 32 random bits, which are the last bits of its tokens' ids. Zero marks a log of an earlier version:
/// its tokens end in arbitrary bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Era(pub i64);

/// Limit of a log: tokens that the horizon excludes are dead, even if the log has no entry for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Horizon {
    /// Tokens issued until this time are dead.
    pub until: DateTime<Utc>,
    /// Era of the tokens that are issued now.
    pub era: Era,
    /// Previous era; `None` if all its tokens are dead.
    pub before: Option<PreviousEra>,
}

/// Era before the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PreviousEra {
    /// Era of its tokens.
    pub era: Era,
    /// Latest time at which its tokens can have been issued. A later issue time comes from a wrong clock, so the token is
    /// dead.
    pub until: DateTime<Utc>,
}

impl Era {
    /// Makes an era from random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let [.., a, b, c, d] = bytes;
        Self(i64::from(u32::from_be_bytes([a, b, c, d])).max(1))
    }

    /// Returns the era in a token's id.
    pub fn from_token_id(id: TokenId) -> Self {
        let [.., a, b, c, d] = id.as_uuid().into_bytes();
        Self(u32::from_be_bytes([a, b, c, d]).into())
    }

    /// Writes the era into a token's id, a `UUIDv7` with 32 random bits at its end. The bits before them keep the id
    /// unique.
    #[must_use]
    pub fn put_into(self, id: TokenId) -> TokenId {
        let Ok(era @ 1..) = u32::try_from(self.0) else { return id };
        let mut bytes = id.as_uuid().into_bytes();
        bytes[12..].copy_from_slice(&era.to_be_bytes());
        Uuid::from_bytes(bytes).into()
    }

    /// Returns true if `other` is this era, or if this era accepts all tokens.
    fn holds(self, other: Self) -> bool {
        self.0 == 0 || self == other
    }
}

impl Horizon {
    /// Returns true if a token issued at this second, in this era, is dead.
    pub fn kills(&self, issued: i64, era: Era) -> bool {
        let is_of_before = |before: PreviousEra| before.era.holds(era) && issued <= before.until.timestamp();
        issued <= self.until.timestamp() || !(self.era.holds(era) || self.before.is_some_and(is_of_before))
    }

    /// Returns true if this horizon knows the era. A token of an unknown era may belong to an era that has just
    /// started.
    pub fn knows_era(&self, era: Era) -> bool {
        self.era.holds(era) || self.before.is_some_and(|before| before.era.holds(era))
    }

    /// Replaces this horizon by one that was read later. Within an era the date never moves back.
    pub fn follow(&mut self, later: Self) {
        let until = if later.era == self.era { later.until.max(self.until) } else { later.until };
        *self = Self { until, ..later };
    }
}

impl From<DateTime<Utc>> for Horizon {
    /// Makes the horizon of an earlier version, which has only a date.
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
        assert!(!Horizon::from(at(10)).kills(11, Era::default()), "token of an earlier version");
    }

    #[test]
    fn previous_era_tokens_count_until_its_end() {
        let horizon = Horizon { until: at(10), era: Era(7), before: Some(PreviousEra { era: Era(6), until: at(50) }) };
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
        let id = TokenId::from_u128(0x0190_0000_0000_7abc_8def_0123_4567_89ab);
        for era in [Era(1), Era(0x4567_89ab), Era(u32::MAX.into())] {
            let own = era.put_into(id);
            assert_eq!((Era::from_token_id(own), own.as_uuid().get_version_num()), (era, 7));
            assert_eq!(own.as_u128() >> 32, id.as_u128() >> 32);
        }
        assert_eq!(Era::default().put_into(id), id, "a log without era changes no id");
    }

    #[test]
    fn log_without_era_judges_tokens_by_date() {
        let old = Horizon::from(at(10));
        assert!(!old.kills(11, Era(5)) && old.kills(10, Era(5)) && old.knows_era(Era(5)));
        let next = Horizon { era: Era(7), before: Some(PreviousEra { era: Era::default(), until: at(50) }), ..old };
        assert_eq!([11, 50, 51].map(|issued| next.kills(issued, Era(5))), [false, false, true]);
    }
}
