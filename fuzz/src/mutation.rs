//! Mutations of seeds by a seeded generator, for runs without libFuzzer.

/// Generator of mutations. A seed always gives the same ones.
///
/// The numbers are `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#[derive(Clone, Debug)]
pub struct Mutations(u64);

/// Bytes that mean something to a parser of the targets.
const TOKENS: [&[u8]; 12] = [
    b"\n",
    b"\0",
    b".",
    b"\"",
    b"{",
    b"}",
    b"=",
    b",",
    b"\xff\xff\xff\xff\x7f",
    b"-----BEGIN ",
    b"Bearer ",
    b"\xf0\x9f\xa6\x80",
];

impl Mutations {
    /// Creates the generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below the limit, which is above 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }

    /// Returns the bytes with one to four changes. `other` is a second seed to take parts from.
    pub fn mutate(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = self.next().to_le_bytes()[0],
                2 => bytes.truncate(at),
                3 => drop(bytes.splice(..at, [])),
                4 => drop(bytes.splice(at..at, TOKENS[self.below(TOKENS.len())].iter().copied())),
                5 => bytes.extend_from_within(at..),
                _ => {
                    let from = self.below(other.len() + 1);
                    bytes.splice(at.., other[from..].iter().copied());
                }
            }
        }
        bytes
    }
}
