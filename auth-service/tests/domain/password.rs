//! Passwords: the refusals of the policy with their reasons, and the passwords that it accepts.

use auth_service::domain::{PasswordError, PasswordPolicy};

use super::random::Random;

const NAME: &str = "Ada Lovelace";
const EMAIL: &str = "ada.king@example.com";

fn judged_by(min_length: u8, text: &str) -> Result<(), PasswordError> {
    PasswordPolicy::new(min_length).check(text, &[NAME, EMAIL])
}

fn checked(text: &str) -> Result<(), PasswordError> {
    judged_by(8, text)
}

/// Returns code points of four bytes, never the same one twice in a row.
fn wide(count: usize) -> String {
    let mut random = Random(42);
    let alphabet: Vec<char> = ('\u{1f300}'..='\u{1f5ff}').collect();
    (0..count).map(|_| alphabet[random.below(alphabet.len())]).collect()
}

/// Returns ASCII text of this length that is hard to guess.
fn narrow(count: usize) -> String {
    "kT9#vQ2m correct horse battery staple; ".chars().cycle().take(count).collect()
}

/// C42: the minimum length is a setting and counts code points.
#[test]
fn password_min_length_counts_code_points() {
    for (min_length, short) in [(8, 7), (15, 14), (64, 63)] {
        for make in [narrow, wide] {
            assert_eq!(judged_by(min_length, &make(short + 1)), Ok(()), "{}", make(short + 1));
            let refused = judged_by(min_length, &make(short)).unwrap_err();
            assert_eq!(refused, PasswordError::Length { min_length: min_length.into() });
            assert_eq!(refused.to_string(), format!("must have {min_length} to 128 characters and at most 512 bytes"));
        }
    }
    assert_eq!(checked(""), Err(PasswordError::Length { min_length: 8 }));
}

/// C43: the maximum length is 128 code points of any size.
#[test]
fn password_of_128_code_points_is_accepted() {
    for make in [narrow, wide] {
        assert_eq!(checked(&make(64)), Ok(()));
        assert_eq!(checked(&make(128)), Ok(()));
        assert_eq!(checked(&make(129)), Err(PasswordError::Length { min_length: 8 }));
    }
    assert_eq!(wide(128).len(), 512);
}

/// C44: no character class is required or refused.
#[test]
fn password_of_any_character_class_is_accepted() {
    let alphabets = [
        "quzvkxwpjf",
        "QUZVKXWPJF",
        "7194038625",
        "#)^&*-_=:;",
        "\u{436}\u{448}\u{449}\u{444}\u{445}",
        "\u{6f22}\u{5b57}\u{8a9e}",
    ];
    let mut random = Random(44);
    for alphabet in alphabets {
        let letters: Vec<char> = alphabet.chars().collect();
        let text: String = (0..24).map(|_| letters[random.below(letters.len())]).collect();
        assert_eq!(checked(&text), Ok(()), "{text}");
    }
    for text in [
        "  four  blanks and words  ",
        "tab\tand\nbreak in quiet use",
        "nul\0 in a quiet vowel",
        "\u{200d}\u{feff}\u{202e}quiet vowel jumps",
    ] {
        assert_eq!(checked(text), Ok(()), "{text:?}");
    }
}

/// C45: a password is used exactly as received.
#[test]
fn password_is_not_normalized() {
    for text in [" jose\u{301} \u{fb01}nds\u{3000}a quiet vowel ", " jos\u{e9} \u{fb01}nds\u{3000}a quiet vowel "] {
        let password = PasswordPolicy::new(8).accept(text.to_owned(), &[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(password.into_password().bytes(), Some(text.as_bytes()));
    }
}

/// C46: leaked passwords are refused in any case of letters.
#[test]
fn password_leaked_is_refused_in_any_case() {
    let list = include_str!("../../data/leaked-passwords.txt");
    let long_enough: Vec<&str> = list.lines().filter(|line| line.chars().count() >= 8).collect();
    assert_eq!(long_enough.len(), 15_769);
    // The first 3,000, and a sample of the rest.
    for text in long_enough[..3_000].iter().chain(long_enough[3_000..].iter().step_by(50)) {
        assert_eq!(checked(text), Err(PasswordError::Common), "{text}");
    }
    for text in long_enough.iter().step_by(200) {
        assert_eq!(checked(&text.to_uppercase()), Err(PasswordError::Common), "{text}");
    }
    // The policy compares the whole password, not a part of it.
    assert_eq!(checked("password kettles hum in violet fog"), Ok(()));
}

/// C46: a password must not be built on facts known about its user.
#[test]
fn password_of_the_users_own_words_is_refused() {
    for text in [
        "gatepost2024!",
        "GatePost1",
        "GATEPOSTgatepost",
        "lovelace1815",
        "AdaLovelace!!",
        "ada.king1815",
        "Ada Lovelace 1",
    ] {
        assert_eq!(checked(text), Err(PasswordError::Context), "{text}");
    }
    for text in ["gatepost keeps my long door shut", "why would lovelace hum in fog", "ada kettles hum"] {
        assert_eq!(checked(text), Ok(()), "{text}");
    }
    // Words of three code points occur in too many other words, and the domain is shared by many users.
    assert_eq!(checked("adaptable kettles"), Ok(()));
    assert_ne!(checked("example.com"), Err(PasswordError::Context));
    assert_eq!(judged_by(15, "gatepost kettles"), Err(PasswordError::Context));
}

/// C46: a password that takes few guesses is refused.
#[test]
fn password_found_in_few_guesses_is_refused() {
    for text in [
        "abcdefghijk",
        "aaaaaaaaaaaaaaaa",
        "passwordpassword",
        "qwertyuiop12345",
        "p4ssw0rd!!",
        "drowssap123",
        "13.12.2011 ",
        "!@#$%^&*()_",
    ] {
        assert!(
            matches!(checked(text), Err(PasswordError::Guessable | PasswordError::Common)),
            "{text} {:?}",
            checked(text)
        );
    }
    assert_eq!(checked("abcdefghijk"), Err(PasswordError::Guessable));
    // Eight characters without a pattern are enough if the minimum length is eight.
    assert_eq!(checked("kT9#vQ2m"), Ok(()));
}

#[test]
fn password_errors_repeat_neither_password_nor_words() {
    for text in ["short7!", "iloveyou2", "lovelace1815", "abcdefghijk"] {
        let sentence = checked(text).unwrap_err().to_string();
        assert!(sentence.starts_with("must ") && !sentence.contains(text), "{sentence}");
        assert!(!sentence.to_lowercase().contains("lovelace"), "{sentence}");
    }
}

#[test]
fn password_of_random_text_never_panics() {
    let mut random = Random(46);
    for _ in 0..500 {
        let text = random.text(127);
        let _ = PasswordPolicy::new(8).check(&text, &[&random.text(127), &random.text(16)]);
    }
}
