//! Strength of a password: the number of guesses that zxcvbn estimates, in bounded time.

use zxcvbn::zxcvbn;

/// Minimum number of guesses. zxcvbn's score 3, "safely unguessable", needs five guesses more. Eight random characters
/// never reach it, since zxcvbn counts ten guesses for each.
pub(super) const MIN_GUESSES: u64 = 100_000_000;

/// Maximum number of considered code points.
///
/// zxcvbn's own limit of 100 is too high: it searches each reading of a text. A text with many signs that may stand for
/// letters (`4` for `a`) has hundreds of readings. In a release build on one core, 100 such code points took 1.1 s, and
/// 32 took 70 ms. With both limits here, the worst of 450 such texts took 2.7 ms and the median 0.7 ms. In a debug
/// build, which optimizes only zxcvbn, they took 2.1 and 1.1 ms. So passwords can be checked on the threads that answer
/// calls. The first call takes 20 ms more, to build the dictionaries.
const MAX_CONSIDERED_CODE_POINTS: usize = 32;

/// Maximum number of readings of a text; a text with all ten digits has twelve.
const MAX_READINGS: usize = 12;

/// Signs that zxcvbn reads as letters, one entry per letter.
const SIGNS: [&str; 12] = ["4@", "8", "([{<", "3", "69", "1!|", "1|7", "0", "$5", "+7", "%", "2"];

/// Returns an upper estimate of the guesses needed by an attacker who knows these words of the user.
pub(crate) fn guesses(text: &str, words: &[String]) -> u64 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    zxcvbn(&considered(text), &words).guesses()
}

/// Returns the considered part of the text: its start, without signs that would give too many readings. This part is easier
/// to guess than the whole text, so the whole text is at least as strong.
fn considered(text: &str) -> String {
    let mut signs = Vec::new();
    let mut considered = String::new();
    for char in text.chars().take(MAX_CONSIDERED_CODE_POINTS) {
        if SIGNS.iter().any(|of_letter| of_letter.contains(char)) && !signs.contains(&char) {
            signs.push(char);
            if readings(&signs) > MAX_READINGS {
                signs.pop();
                continue;
            }
        }
        considered.push(char);
    }
    considered
}

/// Returns the maximum number of readings of a text with these signs. A sign that stands for two letters counts twice
/// for the second one.
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
    fn considered_text_is_bounded() {
        let digits: Vec<char> = ('0'..='9').collect();
        assert_eq!(readings(&digits), MAX_READINGS);
        assert_eq!(considered("correct horse battery staple"), "correct horse battery staple");
        assert_eq!(considered("1234567890 Tr0ub4dour"), "1234567890 Tr0ub4dour");
        assert_eq!(considered(&"\u{1f980}".repeat(128)).chars().count(), MAX_CONSIDERED_CODE_POINTS);
        let every: String = SIGNS.concat();
        let hard = considered(&every);
        let signs: Vec<char> = hard.chars().collect();
        assert!(readings(&every.chars().collect::<Vec<_>>()) > 500 && readings(&signs) <= MAX_READINGS, "{hard}");
        assert!(guesses(&every, &[]) >= MIN_GUESSES, "a strong password is not refused for its many signs");
    }

    #[test]
    fn words_of_the_user_weaken_a_password() {
        let words = ["lovelace".to_owned(), "augusta".to_owned()];
        assert!(guesses("lovelaceaugusta", &words) < guesses("lovelaceaugusta", &[]));
    }
}
