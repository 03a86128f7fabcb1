//! Secrets with a pattern: repetition, counting, or rows of a keyboard. Attackers try these first.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Largest distance at which characters are compared for a constant step; it is 2 in `a1b2c3`.
const MAX_STEP_DISTANCE: usize = 8;

/// Tenths of the characters that a repetition or a step must explain. In random hexadecimal digits, about one tenth is
/// explained by chance.
const MIN_RULE_TENTHS: usize = 6;

/// Tenths of the neighbors that must be adjacent on a keyboard or in the alphabet. In random decimal digits, three
/// tenths are adjacent by chance.
const MIN_NEIGHBOR_TENTHS: usize = 7;

/// Minimum number of different characters of a secret without a pattern.
const MIN_DIFFERENT_CHARACTERS: usize = 5;

/// Rows of two keyboards. Each key touches the two keys below it.
const KEYBOARDS: [[&str; 4]; 2] = [
    ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"],
    ["1234567890-=", "qwertzuiop", "asdfghjkl", "yxcvbnm,.-"],
];

/// Returns true if the text, or the bytes that it encodes in hexadecimal digits or base64, has a pattern: repetition,
/// counting, or a run on a keyboard. Among millions of random secrets of 32 characters, about one has a pattern.
pub fn is_patterned(text: &str) -> bool {
    let lower = text.to_lowercase();
    let trimmed = text.trim_end_matches('=');
    let decoded = [from_hex(text), STANDARD_NO_PAD.decode(trimmed).ok(), URL_SAFE_NO_PAD.decode(trimmed).ok()];
    let touches = |pair: &[u8]| is_next_letter(pair) || is_next_key(pair);
    has_few_characters(lower.as_bytes())
        || follows_a_rule(text.as_bytes())
        || follows_a_rule(lower.as_bytes())
        || runs(lower.as_bytes(), touches)
        || decoded.iter().flatten().any(|bytes| follows_a_rule(bytes) || runs(bytes, is_next_letter))
}

fn has_few_characters(text: &[u8]) -> bool {
    let mut different = text.to_vec();
    different.sort_unstable();
    different.dedup();
    different.len() < MIN_DIFFERENT_CHARACTERS
}

/// Returns true if most bytes repeat the byte at a fixed distance before them, or differ from it by a constant step.
fn follows_a_rule(bytes: &[u8]) -> bool {
    let length = bytes.len();
    let is_many = |count: usize, of: usize| of > 0 && count * 10 >= of * MIN_RULE_TENTHS;
    let repeats = |distance: usize| (distance..length).filter(|at| bytes[*at] == bytes[at - distance]).count();
    let step = |at: usize, distance: usize| bytes[at].wrapping_sub(bytes[at - distance]);
    let goes_on = |distance: usize| {
        (2 * distance..length).filter(|at| step(*at, distance) == step(at - distance, distance)).count()
    };
    (1..=length / 2).any(|distance| is_many(repeats(distance), length - distance))
        || (1..=MAX_STEP_DISTANCE.min(length / 4)).any(|distance| is_many(goes_on(distance), length - 2 * distance))
}

/// Returns true if most pairs of neighbors are adjacent.
fn runs(bytes: &[u8], touch: impl Fn(&[u8]) -> bool) -> bool {
    let pairs = bytes.len().saturating_sub(1);
    pairs > 0 && bytes.windows(2).filter(|pair| touch(pair)).count() * 10 >= pairs * MIN_NEIGHBOR_TENTHS
}

/// Returns true for the same letter, the next or the one before.
fn is_next_letter(pair: &[u8]) -> bool {
    pair[0].abs_diff(pair[1]) <= 1
}

/// Returns true for keys that touch.
fn is_next_key(pair: &[u8]) -> bool {
    KEYBOARDS.iter().any(|rows| {
        let place = |key: u8| {
            rows.iter()
                .enumerate()
                .find_map(|(row, keys)| keys.bytes().position(|other| other == key).map(|at| (row, at)))
        };
        let (Some(one), Some(other)) = (place(pair[0]), place(pair[1])) else { return false };
        let (upper, lower) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        match lower.0 - upper.0 {
            0 => upper.1.abs_diff(lower.1) <= 1,
            1 => lower.1 == upper.1 || lower.1 + 1 == upper.1,
            _ => false,
        }
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char.to_digit(16)?).ok()).collect();
    digits
        .filter(|digits| digits.len() % 2 == 0)
        .map(|digits| digits.chunks(2).map(|two| two[0] << 4 | two[1]).collect())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// C18: secrets with a pattern are recognized.
    #[test]
    fn patterns_are_found() {
        let counting: Vec<u8> = (0..32).collect();
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        for text in [
            &"a".repeat(32),
            &"Ab".repeat(20),
            &"secret".repeat(6),
            &"changeme-".repeat(5),
            "passwordpasswordPASSWORDpassword",
            "aaaaaaaabbbbbbbbccccccccdddddddd",
            "01101001100101101001011001101001",
            "01234567890123456789012345678901",
            "98765432109876543210987654321098",
            "1234567891011121314151617181920212223",
            "0123456789abcdef0123456789ABCDEF",
            "abcdefghijklmnopqrstuvwxyz012345",
            "ZYXWVUTSRQPONMLKJIHGFEDCBA987654",
            "acegikmoqsuwyacegikmoqsuwyacegik",
            "aabbccddeeffgghhiijjkkllmmnnoopp",
            "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6",
            "qwertyuiopasdfghjklzxcvbnm123456",
            "QWERTZUIOPASDFGHJKLYXCVBNM123456",
            "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,",
            "1q2w3e4r5t6y7u8i9o0p1q2w3e4r5t6y",
            "asdfghjkl;asdfghjkl;lkjhgfdsa;lk",
            "deadbeefdeadbeefdeadbeefdeadbeef",
            &hex(&counting),
            &STANDARD.encode(&counting),
            &STANDARD.encode([0; 32]),
            &STANDARD.encode(b"\x01\x23\x45\x67\x89\xab\xcd\xef".repeat(4)),
        ] {
            assert!(is_patterned(text), "{text}");
        }
    }

    #[test]
    fn random_secrets_and_words_have_no_pattern() {
        for _ in 0..3000 {
            let bytes = crate::random::bytes::<32>();
            let hex = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            for text in [&hex, &hex[..32], &STANDARD.encode(bytes), &STANDARD.encode(&bytes[..24])] {
                assert!(!is_patterned(text), "{text}");
            }
        }
        for text in [
            "thicket-marimba-oblong-quince-42-umbel",
            "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c",
            "correct horse battery staple and a barn",
        ] {
            assert!(!is_patterned(text), "{text}");
        }
    }
}
