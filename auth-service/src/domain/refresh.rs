//! Refresh tokens: each works once, except after a lost answer (RFC 9700 §4.14.2).

use chrono::{DateTime, TimeDelta, Utc};

/// Number of refresh token generations of a session that are recognized; older secrets count as unknown.
pub const KEPT_GENERATIONS: usize = 16;

/// SHA-256 of a refresh token's secret, as the row stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshDigest(pub [u8; 32]);

/// Refresh token state of a session's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Generation of the current token, from 0.
    pub generation: i32,
    /// Salt from which the current token was derived by its parent; empty for the first token.
    pub salt: Vec<u8>,
    /// Digests of the last generations, the current one first.
    pub digests: Vec<RefreshDigest>,
    /// One bit for each recent rotation, the newest in the lowest bit; set if the rotation needed the grace.
    pub graces: i32,
    /// Time at which the current token was made; `None` for the first.
    pub time: Option<DateTime<Utc>>,
}

/// Limits of the repeated answer to a used token: for how long, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// Time after the rotation in which the token is answered again; zero means never.
    pub time: TimeDelta,
    /// Time after the rotation in which a second use counts as a second tab, not as a lost answer; at most `time`.
    pub overlap: TimeDelta,
    /// Number of recent rotations with grace at which the session ends.
    pub max_graces: u8,
    /// Number of recent rotations that are counted, at most 16.
    pub counted_rotations: u8,
}

/// Decision about a presented genuine token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The token is the current one. It is replaced by the next one.
    Rotate,
    /// Two callers use the token at once, as two tabs do. They get the same successor, and nothing is counted.
    Concurrent,
    /// The answer was lost. The caller gets the same successor again.
    Again {
        /// Set if this rotation is answered again for the first time.
        is_first: bool,
    },
    /// The token was used before and may be stolen.
    Reused,
}

impl Grace {
    /// Decides about the token with its digest at `index` in the row.
    pub fn decide(self, index: usize, rotation: &Rotation, now: DateTime<Utc>) -> Decision {
        match index {
            0 => Decision::Rotate,
            1 if self.is_overlap(rotation, now) => Decision::Concurrent,
            1 if self.is_open(rotation, now) => Decision::Again { is_first: rotation.graces & 1 == 0 },
            _ => Decision::Reused,
        }
    }

    /// Returns true if the last rotation is so recent that another tab may still use its token.
    fn is_overlap(self, rotation: &Rotation, now: DateTime<Utc>) -> bool {
        rotation.time.is_some_and(|time| now - time < self.overlap.min(self.time))
    }

    /// Returns true if the last rotation may be answered again.
    fn is_open(self, rotation: &Rotation, now: DateTime<Utc>) -> bool {
        let is_soon = rotation.time.is_some_and(|time| now - time < self.time);
        is_soon && (self.with_grace(rotation) & self.mask()).count_ones() < u32::from(self.max_graces)
    }

    /// Returns the row's bits, with the bit of the last rotation set.
    pub fn with_grace(self, rotation: &Rotation) -> i32 {
        rotation.graces | 1
    }

    /// Returns the row's bits after one more rotation, which needed no grace.
    pub fn rotated(self, rotation: &Rotation) -> i32 {
        (rotation.graces << 1) & self.mask()
    }

    fn mask(self) -> i32 {
        (1 << self.counted_rotations.min(16)) - 1
    }
}

impl Rotation {
    /// Returns the digests after `next` has become the current one.
    pub fn digests_with(&self, next: RefreshDigest) -> Vec<RefreshDigest> {
        std::iter::once(next).chain(self.digests.iter().copied()).take(KEPT_GENERATIONS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Grace =
        Grace { time: TimeDelta::seconds(60), overlap: TimeDelta::seconds(10), max_graces: 2, counted_rotations: 4 };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1000 + second, 0).unwrap()
    }

    fn rotation(graces: i32) -> Rotation {
        Rotation { generation: 3, salt: vec![7; 32], digests: Vec::new(), graces, time: Some(at(0)) }
    }

    #[test]
    fn current_token_rotates_and_older_are_reused() {
        for second in [-60, 0, 59, 60, 1_000_000] {
            assert_eq!(GRACE.decide(0, &rotation(0), at(second)), Decision::Rotate);
            for older in 2..KEPT_GENERATIONS {
                assert_eq!(GRACE.decide(older, &rotation(0), at(second)), Decision::Reused, "{older}");
            }
        }
    }

    #[test]
    fn parent_is_answered_again_for_a_minute() {
        for second in [10, 59] {
            assert_eq!(GRACE.decide(1, &rotation(0), at(second)), Decision::Again { is_first: true }, "{second}");
            assert_eq!(GRACE.decide(1, &rotation(1), at(second)), Decision::Again { is_first: false }, "{second}");
        }
        for second in [60, 61, 1_000_000] {
            assert_eq!(GRACE.decide(1, &rotation(0), at(second)), Decision::Reused, "{second}");
        }
        for second in [-1, 0, 9] {
            assert_eq!(GRACE.decide(1, &rotation(0), at(second)), Decision::Concurrent, "{second}");
            assert_eq!(GRACE.decide(1, &rotation(0b0010), at(second)), Decision::Concurrent, "regardless of the count");
        }
        let off = Grace { time: TimeDelta::zero(), ..GRACE };
        assert_eq!(off.decide(1, &rotation(0), at(0)), Decision::Reused, "grace turned off");
        let first = Rotation { time: None, ..rotation(0) };
        assert_eq!(GRACE.decide(1, &first, at(0)), Decision::Reused, "the first token has no parent");
    }

    #[test]
    fn one_of_four_rotations_may_need_the_grace() {
        for (graces, open) in [
            (0b0000, true),
            (0b0001, true),
            (0b0010, false),
            (0b0100, false),
            (0b1000, false),
            (0b1_0000, true),
            (0b0011, false),
        ] {
            let decision = GRACE.decide(1, &rotation(graces), at(10));
            assert_eq!(decision != Decision::Reused, open, "{graces:b}");
        }
        let mut row = rotation(0);
        row.graces = GRACE.with_grace(&row);
        for expected in [0b0010, 0b0100, 0b1000, 0b0000] {
            row.graces = GRACE.rotated(&row);
            assert_eq!(row.graces, expected, "forgotten after three more rotations");
        }
    }

    #[test]
    fn sixteen_digests_are_kept_newest_first() {
        let mut row = rotation(0);
        for number in 0..20 {
            row.digests = row.digests_with(RefreshDigest([number; 32]));
        }
        let numbers: Vec<u8> = row.digests.iter().map(|digest| digest.0[0]).collect();
        assert_eq!(numbers, (4..20).rev().collect::<Vec<u8>>());
    }
}
