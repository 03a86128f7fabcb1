//! Policy for new passwords: length, known passwords, and strength (NIST SP 800-63B-4 §3.1.1.2).

use std::cmp::Reverse;
use std::iter::once;
use std::ops::RangeInclusive;

use super::password::{MAX_BYTES, MAX_CODE_POINTS, NewPassword, Password};
use super::strength::{MIN_GUESSES, guesses};

/// Leaked passwords in lower case, each between line breaks (data/README.md). A search takes less than 0.1 ms and
/// allocates only the padded text.
const LEAKED: &str = concat!("\n", include_str!("../../data/leaked-passwords.txt"));

/// Word that attackers know about every user of this service.
const SERVICE: &str = "gatepost";

/// Shortest word that is searched for in a password, in code points (C46). Shorter words occur in too many others.
const MIN_WORD: usize = 4;

/// Policy for new passwords. There are no composition rules: all characters, including blanks, are allowed and used as
/// received.
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    min_length: usize,
}

/// Reasons to refuse a new password. No message repeats the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("must have {min_length} to {MAX_CODE_POINTS} characters and at most {MAX_BYTES} bytes")]
    Length {
        /// Shortest length in force, in code points.
        min_length: usize,
    },
    /// Is on the list of leaked passwords.
    #[error("must not be one of the passwords that attackers try first: choose one that nobody else has")]
    Common,
    /// Too short without the words that attackers know about the user.
    #[error(
        "must not be built on your name, your email address or the service's name: add what does not belong to them"
    )]
    Context,
    /// Takes too few guesses.
    #[error("must be harder to guess: take several words that do not belong together, or more characters at random")]
    Guessable,
}

impl PasswordPolicy {
    /// Allowed settings of the minimum length, in code points.
    pub const MIN_LENGTHS: RangeInclusive<i64> = 8..=64;

    /// Makes a policy with this minimum length in code points.
    pub fn new(min_length: u8) -> Self {
        Self { min_length: min_length.into() }
    }

    /// Returns the text as a new password if it fulfills the policy. `own_words` are the display name and the email
    /// address, which counts as a whole and by its local part.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn accept(self, text: String, own_words: &[&str]) -> Result<NewPassword, PasswordError> {
        let password = Password::new(text);
        self.check(password.text(), own_words)?;
        Ok(NewPassword::kept(password))
    }

    /// Checks the text against the policy; takes a few milliseconds at most.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn check(self, text: &str, own_words: &[&str]) -> Result<(), PasswordError> {
        let lengths = self.min_length..=MAX_CODE_POINTS;
        if text.len() > MAX_BYTES || !lengths.contains(&text.chars().count()) {
            return Err(PasswordError::Length { min_length: self.min_length });
        }
        let lower = text.to_lowercase();
        if is_leaked(&lower) {
            return Err(PasswordError::Common);
        }
        let words = words(own_words);
        if left_without(lower, &words) < self.min_length {
            return Err(PasswordError::Context);
        }
        if guesses(text, &words) < MIN_GUESSES { Err(PasswordError::Guessable) } else { Ok(()) }
    }
}

/// Returns true if the whole text is on the list; a part does not count.
fn is_leaked(lower: &str) -> bool {
    !lower.contains('\n') && LEAKED.contains(&format!("\n{lower}\n"))
}

/// Returns the service's name and the user's own words, whole and in parts, in lower case, the longest first.
fn words(own_words: &[&str]) -> Vec<String> {
    let texts =
        once(SERVICE).chain(own_words.iter().map(|text| text.rsplit_once('@').map_or(*text, |(local, _)| local)));
    let parts = texts.flat_map(|text| once(text).chain(text.split(|char: char| !char.is_alphanumeric())));
    let all = own_words.iter().copied().chain(parts);
    let mut words: Vec<String> = all.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.sort_unstable_by(|one, other| Reverse(one.len()).cmp(&Reverse(other.len())).then_with(|| one.cmp(other)));
    words.dedup();
    words
}

/// Returns the number of code points that remain without these words. A known word inside a long password is harmless;
/// a password that is long only by such a word is refused.
fn left_without(lower: String, words: &[String]) -> usize {
    let known = words.iter().filter(|word| word.chars().count() >= MIN_WORD);
    known.fold(lower, |left, word| left.replace(word.as_str(), "")).chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C46: the list is complete and has the form that the search needs.
    #[test]
    fn leaked_list_is_complete_and_searchable() {
        let lines: Vec<&str> = LEAKED.strip_prefix('\n').unwrap().lines().collect();
        assert_eq!(lines.len(), 47_023);
        assert!(LEAKED.ends_with('\n') && !LEAKED.contains('\r') && LEAKED.to_lowercase() == LEAKED);
        let longest = lines.iter().filter(|line| line.chars().count() >= 8).count();
        assert_eq!(longest, 15_769, "C46 requires 3000 that have at least the minimum length");
        assert!(is_leaked("password") && is_leaked(lines[lines.len() - 1]));
        assert!(!is_leaked("") && !is_leaked("password\n12345678") && !is_leaked("quiet vowel"));
    }

    /// C46: the words are whole texts and their parts; a domain counts only in the whole address.
    #[test]
    fn words_are_texts_and_parts_without_the_domain() {
        let found = words(&["Ada K\u{f6}nig", "ada.lovelace@example.com"]);
        assert_eq!(
            found,
            ["ada.lovelace@example.com", "ada.lovelace", "ada k\u{f6}nig", "gatepost", "lovelace", "k\u{f6}nig", "ada"]
        );
        assert_eq!(left_without("gatepostada!".into(), &found), 4);
    }
}
