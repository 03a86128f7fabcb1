//! Requests with damaged bytes.

use prost::encoding::{WireType, encode_key, encode_varint};

use super::random::Random;

const WIRE_TYPES: [WireType; 6] = [
    WireType::Varint,
    WireType::SixtyFourBit,
    WireType::LengthDelimited,
    WireType::StartGroup,
    WireType::EndGroup,
    WireType::ThirtyTwoBit,
];

/// Returns the bytes with one to four random changes.
pub(super) fn mutate(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(10) {
            0 | 1 => flip(random, &mut bytes),
            2 => bytes.truncate(at),
            3 => bytes.extend_from_within(at..),
            4 => insert(&mut bytes, at, &[random.byte(), random.byte(), random.byte()]),
            // A field that no message has, complete or not, and a known field with another wire type.
            5 => append(random, &mut bytes, 1 << 29),
            6 => append(random, &mut bytes, 8),
            // A length or a number that never ends.
            7 => insert(&mut bytes, at, &[0xff, 0xff, 0xff, 0xff, 0x7f]),
            8 => nest(random, &mut bytes),
            _ => bytes.splice(..at, []).for_each(drop),
        }
    }
    bytes
}

fn flip(random: &mut Random, bytes: &mut [u8]) {
    if !bytes.is_empty() {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

fn append(random: &mut Random, bytes: &mut Vec<u8>, below: usize) {
    let number = u32::try_from(1 + random.below(below - 1)).unwrap();
    encode_key(number, *random.pick(&WIRE_TYPES), bytes);
    bytes.extend((0..random.below(12)).map(|_| random.byte()));
}

/// Nests the bytes in a field of a field of a field, or in groups, deeper than a decoder may follow.
fn nest(random: &mut Random, bytes: &mut Vec<u8>) {
    let (number, depth) = (u32::try_from(1 + random.below(8)).unwrap(), random.below(300));
    if random.one_in(2) {
        bytes.extend(std::iter::repeat_n(random.byte() & 0x78 | 3, depth));
        return;
    }
    for _ in 0..depth {
        let mut outer = Vec::with_capacity(bytes.len() + 8);
        encode_key(number, WireType::LengthDelimited, &mut outer);
        encode_varint(u64::try_from(bytes.len()).unwrap(), &mut outer);
        outer.append(bytes);
        *bytes = outer;
    }
}
