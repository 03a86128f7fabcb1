//! Refresh tokens: each is used once, but for an answer that was lost on its way (RFC 9700 §4.14.2).

use chrono::{DateTime, TimeDelta, Utc};

/// How many generations of a session's refresh tokens are told from secrets that were never ours.
pub const KEPT_GENERATIONS: usize = 16;

/// The SHA-256 of a refresh token's secret: what a row keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshDigest(pub [u8; 32]);

/// What a session's row knows of its refresh tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The current token's generation, from 0.
    pub generation: i32,
    /// What the current token was derived with from its parent; the first has none.
    pub salt: Vec<u8>,
    /// The digests of the last generations, the current one first.
    pub digests: Vec<RefreshDigest>,
    /// Which of the last rotations needed the grace: a bit each, the last one's lowest.
    pub graces: i32,
    /// When the current token was made; `None` for the first.
    pub time: Option<DateTime<Utc>>,
}

/// How long, and how often, a token may be presented once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// How long after its rotation; zero: never.
    pub time: TimeDelta,
    /// Time after the rotation in which such a use counts as a second tab, not as a lost answer; at most `time`.
    pub overlap: TimeDelta,
    /// The session ends when so many of its last rotations needed the grace.
    pub max_graces: u8,
    /// How many of the last rotations are counted, at most 16.
    pub counted_rotations: u8,
}

/// What becomes of a genuine token that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is the current one: the next one takes its place.
    Rotate,
    /// Two callers use it at once, as two tabs do: the same successor once more, and nothing is counted.
    Concurrent,
    /// Its answer was lost: the same successor once more.
    Again {
        /// Whether this rotation is answered again for the first time.
        is_first: bool,
    },
    /// It has been used before: somebody else may have it.
    Reused,
}

impl Grace {
    /// What becomes of the token whose digest is the `index`-th of those that the row keeps.
    pub fn decide(self, index: usize, rotation: &Rotation, now: DateTime<Utc>) -> Decision {
        match index {
            0 => Decision::Rotate,
            1 if self.is_overlap(rotation, now) => Decision::Concurrent,
            1 if self.is_open(rotation, now) => Decision::Again { is_first: rotation.graces & 1 == 0 },
            _ => Decision::Reused,
        }
    }

    /// Returns whether the last rotation was so short a time ago that its token is still in use elsewhere.
    fn is_overlap(self, rotation: &Rotation, now: DateTime<Utc>) -> bool {
        rotation.time.is_some_and(|time| now - time < self.overlap.min(self.time))
    }

    /// Whether the last rotation may be answered once more.
    fn is_open(self, rotation: &Rotation, now: DateTime<Utc>) -> bool {
        let is_soon = rotation.time.is_some_and(|time| now - time < self.time);
        is_soon && (self.with_grace(rotation) & self.mask()).count_ones() < u32::from(self.max_graces)
    }

    /// The row's bits once the last rotation has needed the grace.
    pub fn with_grace(self, rotation: &Rotation) -> i32 {
        rotation.graces | 1
    }

    /// The row's bits once a rotation more has taken place, which has not needed the grace.
    pub fn rotated(self, rotation: &Rotation) -> i32 {
        (rotation.graces << 1) & self.mask()
    }

    fn mask(self) -> i32 {
        (1 << self.counted_rotations.min(16)) - 1
    }
}

impl Rotation {
    /// The digests once this one is the current one.
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
            assert_eq!(GRACE.decide(1, &rotation(0b0010), at(second)), Decision::Concurrent, "whatever was counted");
        }
        let off = Grace { time: TimeDelta::zero(), ..GRACE };
        assert_eq!(off.decide(1, &rotation(0), at(0)), Decision::Reused, "turned off");
        let first = Rotation { time: None, ..rotation(0) };
        assert_eq!(GRACE.decide(1, &first, at(0)), Decision::Reused, "the first has no parent");
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
            assert_eq!(row.graces, expected, "it is forgotten after three more");
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
