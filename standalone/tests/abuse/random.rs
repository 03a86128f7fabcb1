//! Numbers from a seed: each run gets the same ones, so that a failure can be repeated.

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub(super) struct Random(u64);

impl Random {
    /// Returns the numbers of the call `number` under this seed.
    pub(super) fn of(seed: u64, number: usize) -> Self {
        let mut random = Self(seed ^ u64::try_from(number).unwrap().wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    /// Returns `true` once in `many` times.
    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Returns any character; rare ones are as likely as common ones.
    pub(super) fn char(&mut self) -> char {
        let limit = *self.pick(&[0x80, 0x250, 0x3000, 0x1_0000, 0x11_0000]);
        char::from_u32(u32::try_from(self.below(limit)).unwrap()).unwrap_or('\u{fffd}')
    }

    pub(super) fn text(&mut self, longest: usize) -> String {
        (0..self.below(longest + 1)).map(|_| self.char()).collect()
    }
}
