//! Texts from a seed: each run gets the same ones, so that a failure can be repeated.

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    /// Returns any character; rare ones are as likely as common ones.
    pub(crate) fn char(&mut self) -> char {
        let limit = [0x80, 0x250, 0x3000, 0x1_0000, 0x11_0000][self.below(5)];
        char::from_u32(u32::try_from(self.below(limit)).unwrap()).unwrap_or('\u{fffd}')
    }

    pub(crate) fn text(&mut self, longest: usize) -> String {
        (0..=self.below(longest)).map(|_| self.char()).collect()
    }

    /// Returns a text of these characters.
    pub(crate) fn text_of(&mut self, alphabet: &[char], longest: usize) -> String {
        (0..=self.below(longest)).map(|_| alphabet[self.below(alphabet.len())]).collect()
    }
}
