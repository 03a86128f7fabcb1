//! How many guesses a password withstands, asked of zxcvbn in bounded time.

use zxcvbn::zxcvbn;

/// Guesses that a password withstands at the least: where zxcvbn's score 3, "safely unguessable", begins. Its score
/// itself needs five guesses more, which eight characters, counted at ten guesses each, cannot reach.
pub(super) const ENOUGH: u64 = 100_000_000;

/// Code points that are judged. zxcvbn's own limit of 100 bounds too little: it searches each reading of a text, and a
/// text whose signs may stand for letters (`4` for `a`) has hundreds, so that 100 code points took 1.1 s on one core in
/// a release build, and 32 took 70 ms. With both limits here the worst of 450 such texts took 2.7 ms and the median one
/// 0.7 ms (2.1 and 1.1 ms in a debug build, which optimises zxcvbn alone), so that they may be judged where calls are
/// answered. The first call takes 20 ms more: it builds the dictionaries.
const JUDGED: usize = 32;

/// Readings that a text may have; what has all ten digits has twelve.
const MAX_READINGS: usize = 12;

/// The signs that zxcvbn reads as letters, one entry a letter.
const SIGNS: [&str; 12] = ["4@", "8", "([{<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"];

/// About how many guesses find the text, at the most: some for who knows these words of its user.
pub(crate) fn guesses(text: &str, words: &[String]) -> u64 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    zxcvbn(&judged(text), &words).guesses()
}

/// The part of the text that is judged: its head, without signs that would give it too many readings. What is left is
/// easier to guess than the whole, so that what is good enough for it is good enough for the whole.
fn judged(text: &str) -> String {
    let mut signs = Vec::new();
    let mut judged = String::new();
    for char in text.chars().take(JUDGED) {
        if SIGNS.iter().any(|of_letter| of_letter.contains(char)) && !signs.contains(&char) {
            signs.push(char);
            if readings(&signs) > MAX_READINGS {
                signs.pop();
                continue;
            }
        }
        judged.push(char);
    }
    judged
}

/// How many readings a text with these signs has at the most. A sign of two letters counts twice for the second one.
fn readings(signs: &[char]) -> usize {
    let of_letter = |(at, of_letter): (usize, &&str)| {
        let earlier = |sign| SIGNS[..at].iter().any(|other| other.contains(sign));
        let present = of_letter.chars().filter(|sign| signs.contains(sign));
        present.map(|sign| if earlier(sign) { 2 } else { 1 }).sum::<usize>().max(1)
    };
    SIGNS.iter().enumerate().map(of_letter).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judged_text_is_bounded() {
        let digits: Vec<char> = ('0'..='9').collect();
        assert_eq!(readings(&digits), MAX_READINGS);
        assert_eq!(judged("correct horse battery staple"), "correct horse battery staple");
        assert_eq!(judged("1234567890 Tr0ub4dour"), "1234567890 Tr0ub4dour");
        assert_eq!(judged(&"\u{1f980}".repeat(128)).chars().count(), JUDGED);
        let every: String = SIGNS.concat();
        let hard = judged(&every);
        let signs: Vec<char> = hard.chars().collect();
        assert!(readings(&every.chars().collect::<Vec<_>>()) > 500 && readings(&signs) <= MAX_READINGS, "{hard}");
        assert!(guesses(&every, &[]) >= ENOUGH, "a strong password is not refused for its many signs");
    }

    #[test]
    fn words_of_the_user_weaken_a_password() {
        let words = ["lovelace".to_owned(), "augusta".to_owned()];
        assert!(guesses("lovelaceaugusta", &words) < guesses("lovelaceaugusta", &[]));
    }
}
