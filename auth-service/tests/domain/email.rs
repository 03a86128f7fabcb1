//! Email addresses: the isemail vectors, canonical forms, and properties that hold for any text.

use auth_service::domain::{Email, EmailError};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::random::Random;

#[derive(Deserialize)]
struct Vectors {
    tests: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    address: String,
    category: String,
}

/// Addresses that isemail accepts and the service refuses, each with its reason.
const EXCEPTIONS: [(&str, &str); 1] = [("test@io", "no user has mail at a top-level domain")];

#[track_caller]
fn key(text: &str) -> String {
    Email::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}")).key().to_owned()
}

/// C61: each isemail vector gives its documented result.
#[test]
fn email_isemail_vectors_give_documented_result() {
    let Vectors { tests } = serde_json::from_str(include_str!("../vectors/isemail-tests.json")).unwrap();
    assert_eq!(tests.len(), 164);
    let mut accepted = 0;
    for Vector { address, category } in &tests {
        let is_exception = EXCEPTIONS.iter().any(|(exception, _)| exception == address);
        let is_valid = ["ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"].contains(&category.as_str());
        assert_eq!(Email::parse(address).is_ok(), is_valid && !is_exception, "{category}: {address:?}");
        accepted += usize::from(is_valid && !is_exception);
    }
    assert_eq!(accepted, 21);
}

/// C61: all spellings of one address have the same key.
#[test]
fn email_spellings_of_one_address_share_a_key() {
    for (one, other) in [
        // Letter case, also beyond ASCII. With full case folding, capital and small letters match.
        ("Ada@Example.COM", "ada@example.com"),
        ("JOS\u{c9}@example.com", "jos\u{e9}@example.com"),
        ("STRASSE@example.com", "stra\u{df}e@example.com"),
        ("STRA\u{1e9e}E@example.com", "stra\u{df}e@example.com"),
        ("\u{3a3}\u{39f}\u{3a6}\u{39f}\u{3a3}@example.com", "\u{3c3}\u{3bf}\u{3c6}\u{3bf}\u{3c2}@example.com"),
        // NFC and NFD, full width, a ligature, the Kelvin sign.
        ("jose\u{301}@example.com", "jos\u{e9}@example.com"),
        ("\u{ff41}da@\u{ff45}xample.com", "ada@example.com"),
        ("\u{fb01}n@example.com", "fin@example.com"),
        ("\u{212a}@example.com", "k@example.com"),
        // International domain names in both forms, and the other full stops of IDNA.
        ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example"),
        ("a@BU\u{308}CHER.example", "a@XN--BCHER-KVA.EXAMPLE"),
        ("a@fa\u{df}.example", "a@xn--fa-hia.example"),
        ("a@example\u{3002}com", "a@example.com"),
        // All of these differences together.
        ("JOSE\u{301}@\u{ff22}\u{fc}CHER\u{3002}Example", "jos\u{e9}@xn--bcher-kva.example"),
    ] {
        assert_eq!(key(one), key(other), "{one} {other}");
    }
    assert_eq!(Email::parse("Ada@Example.COM").unwrap().as_str(), "Ada@Example.COM");
}

/// C61: different addresses have different keys.
#[test]
fn email_different_addresses_have_different_keys() {
    for (one, other) in [
        ("ada+a@example.com", "ada@example.com"),
        ("a.da@example.com", "ada@example.com"),
        // The Turkish dotless i is a letter of its own. So is the Cyrillic letter that looks like an a.
        ("\u{131}da@example.com", "ida@example.com"),
        ("\u{131}da@example.com", "Ida@example.com"),
        ("\u{430}da@example.com", "ada@example.com"),
        // IDNA 2008 treats these as two domains.
        ("a@fa\u{df}.example", "a@fass.example"),
    ] {
        assert_ne!(key(one), key(other), "{one} {other}");
    }
}

/// C61: text that is not an address is refused.
#[test]
fn email_malformed_address_is_refused() {
    let long_local = format!("{}@example.com", "a".repeat(65));
    // The canonical form has its own limits: this character becomes 18 characters.
    let long_canonical = format!("{}@example.com", "\u{fdfa}".repeat(4));
    let long = format!("a@{}example.com", "a.".repeat(130));
    let texts = "|a|@|a@|@b.c|a@b|a@@b.c|a b@c.d|a@b c.d|.a@b.c|a.@b.c|a..b@c.d|a@b..c|a@b.c.|a@-b.c|a@b-.c|a@b_c.d|\
                 a@127.0.0.1|a@[127.0.0.1]|\"a\"@b.c|(a)b@c.d|a@b.c,d@e.f|<a@b.c>|a@xn--a.example|a@xn--\u{fc}.example|\
                 a\0@b.c|a\n@b.c|a@b.c\n|a\u{80}@b.c|a\u{a0}b@c.d|a\u{2028}b@c.d|a\u{202e}b@c.d|a@b\u{202e}.c|\
                 a\u{200b}b@c.d|a@b\u{200b}c.d|a\u{200d}b@c.d|a@b\u{200d}c.d|a\u{ad}b@c.d|a@b\u{ad}c.d|a\u{feff}@b.c|\
                 a\u{34f}b@c.d|a\u{3164}@b.c|a\u{ff20}b@c.d|a\u{2024}@b.c|\u{fe52}a@b.c|a\u{b4}b@c.d|a@b\u{ff20}c.d";
    for text in texts.split('|').chain([long_local.as_str(), &long_canonical, &long]) {
        assert_eq!(Email::parse(text), Err(EmailError), "{text:?}");
    }
    // A joiner that a Persian word needs belongs to its domain.
    assert_eq!(key("a@\u{646}\u{627}\u{645}\u{647}\u{200c}\u{627}\u{6cc}.com"), "a@xn--mgba3gch31f060k.com");
}

/// Checks one text: its key is a short address, has itself as its key, and does not depend on letter case.
fn holds(text: &str) -> bool {
    let Ok(email) = Email::parse(text) else { return false };
    assert_eq!(email.as_str(), text);
    assert_eq!(key(email.key()), email.key(), "the key of the key: {text:?}");
    assert!(email.key().len() <= 254, "{text:?}");
    let (_, domain) = email.key().rsplit_once('@').unwrap();
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    assert!(domain.bytes().all(is_name), "{text:?} {domain}");
    let (local, domain) = text.rsplit_once('@').unwrap();
    // The dotless i has the same capital as another letter. The test takes the capitals of the composed form: changing
    // the case does not keep texts equivalent if marks are out of order (U+0345 becomes a letter).
    let local: String = local.nfc().collect();
    if !local.contains('\u{131}') {
        for other in [local.to_uppercase(), local.to_lowercase()].iter().filter(|other| **other != local) {
            if let Ok(other) = Email::parse(&format!("{other}@{domain}")) {
                assert_eq!(other.key(), email.key(), "{text:?}");
            }
        }
    }
    true
}

/// C61: the properties of keys hold for each character.
#[test]
fn email_keys_keep_properties_for_each_character() {
    // The planes that contain letters.
    let all = || '\0'..='\u{1ffff}';
    let local = all().filter(|char| holds(&format!("a{char}b@example.com"))).count();
    let domain = all().filter(|char| holds(&format!("a@b{char}c.example"))).count();
    assert!(local > 100_000 && domain > 40_000, "{local} {domain}");
}

/// C61: the properties of keys hold for random text.
#[test]
fn email_keys_keep_properties_for_random_text() {
    let mut random = Random(61);
    // Combining marks, letters that fold into several, and the usual characters of addresses.
    let alphabet: Vec<char> = "aAzZ09.-+@\u{df}\u{1e9e}\u{3a3}\u{3c2}\u{3c3}\u{130}\u{131}i\u{345}\u{3b1}\u{391}\u{301}\u{308}\u{327}\
                               \u{1fb3}\u{1f80}\u{fb03}\u{ff21}\u{1c4}\u{1c5}\u{149}\u{1f0}\u{390}\u{13a0}\u{ab70}\u{1e9b}\u{323}\
                               \u{1100}\u{1161}\u{11a8}\u{fc}\u{646}\u{200c}\u{3d2}\u{3002}"
        .chars()
        .collect();
    let mut accepted = 0;
    for _ in 0..20_000 {
        let (local, domain) = (random.text_of(&alphabet, 8), random.text_of(&alphabet, 6));
        accepted += usize::from(holds(&format!("{local}@{domain}.example")));
        accepted += usize::from(holds(&format!("{}@{}.example", random.text(3), random.text(3))));
        // Random text never panics.
        holds(&random.text(300));
    }
    assert!(accepted > 2_000, "{accepted}");
}
