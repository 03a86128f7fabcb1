//! Passwords over the wire: each refusal has its sentence, and accepted passwords are used as received.

use gatepost::api::auth::v1::CreateUserRequest;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, Service, Settings, refused, start, start_with};

const LENGTH: &str = "must have 8 to 128 characters and at most 512 bytes";
const COMMON: &str = "must not be one of the passwords that attackers try first: choose one that nobody else has";
const CONTEXT: &str =
    "must not be built on your name, your email address or the service's name: add what does not belong to them";
const GUESSABLE: &str =
    "must be harder to guess: take several words that do not belong together, or more characters at random";

async fn register(service: &Service, name: &str, email: &str, password: &str) -> Result<(), Status> {
    let request = CreateUserRequest {
        name: name.into(),
        email: email.into(),
        password: password.into(),
        ..CreateUserRequest::default()
    };
    service.users().create_user(request).await.map(|_| ())
}

fn violations(status: &Status) -> Vec<(String, String)> {
    let details = status.get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

/// C42, C43, C46: each fault has its sentence, and no sentence repeats the password.
#[tokio::test]
async fn password_faults_have_their_own_sentences() {
    let service = start().await;
    let long = "long ".repeat(26);
    for (password, sentence) in [
        ("", LENGTH),
        ("vq7#kT!", LENGTH),
        ("\u{1f980}\u{1f9ed}\u{1f511}\u{1f4da}\u{1f9f5}\u{1f30b}\u{1f9c2}", LENGTH),
        (&long, LENGTH),
        ("iloveyou2", COMMON),
        ("ILoveYou2", COMMON),
        ("gatepost2024!", CONTEXT),
        ("lovelace1815", CONTEXT),
        ("countess99", CONTEXT),
        ("abcdefghijk", GUESSABLE),
        ("zzzzzzzzzzzzzzzzzzzz", GUESSABLE),
    ] {
        let status = register(&service, "Ada Lovelace", "countess@example.com", password).await.unwrap_err();
        refused(&status, Code::InvalidArgument, "INVALID_FIELDS", &format!("password: {sentence}"));
        assert_eq!(violations(&status), [("password".to_owned(), sentence.to_owned())]);
        let details = String::from_utf8_lossy(status.details()).into_owned();
        assert!(password.is_empty() || !details.contains(password), "a refused password is not repeated");
    }
    let status = service.login("countess@example.com", "lovelace1815").await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
}

#[tokio::test]
async fn register_names_all_bad_fields_at_once() {
    let service = start().await;
    let status = register(&service, "a\0b", "nobody@io", "iloveyou2").await.unwrap_err();
    let named = violations(&status);
    let fields: Vec<_> = named.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!((status.code(), fields), (Code::InvalidArgument, vec!["name", "email", "password"]));
    assert_eq!(named[2].1, COMMON);
    assert!(status.message().ends_with(&format!("; password: {COMMON}")), "{}", status.message());
    // The words of a field that breaks its own rule do not count. The field may have any length.
    let status = register(&service, &"lovelace ".repeat(20_000), EMAIL, "lovelace in 1815").await.unwrap_err();
    assert_eq!(violations(&status).len(), 1);
}

/// C42: the minimum length is a setting.
#[tokio::test]
async fn password_min_length_is_a_setting() {
    let service = start_with(Settings { password_min_length: Some(15), ..Settings::default() }).await;
    let status = register(&service, "Ada", EMAIL, "kT9#vQ2m xK7fp").await.unwrap_err();
    let sentence = "password: must have 15 to 128 characters and at most 512 bytes";
    refused(&status, Code::InvalidArgument, "INVALID_FIELDS", sentence);
    register(&service, "Ada", EMAIL, "kT9#vQ2m xK7fp!").await.unwrap();
    service.login(EMAIL, "kT9#vQ2m xK7fp!").await.unwrap();
}

/// C43: all 512 bytes of a password count, even the last one.
#[tokio::test]
async fn password_last_of_512_bytes_counts() {
    let service = start().await;
    // 128 code points of four bytes; the last byte of the last one differs.
    let head: String = (0..127).map(|at| char::from_u32(0x1_f300 + at * 37 % 0x300).unwrap()).collect();
    let (one, other) = (format!("{head}\u{1f980}"), format!("{head}\u{1f981}"));
    assert_eq!((one.len(), one.as_bytes()[..511] == other.as_bytes()[..511]), (512, true));
    register(&service, "Ada", EMAIL, &one).await.unwrap();
    service.login(EMAIL, &one).await.unwrap();
    let status = service.login(EMAIL, &other).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "INVALID_CREDENTIALS", "invalid credentials");
    assert!(service.login(EMAIL, &head).await.is_err());
}

/// C44, C45: any character is accepted, and the password is not changed.
#[tokio::test]
async fn password_of_any_characters_is_kept_unchanged() {
    let service = start().await;
    for (at, (password, look_alike)) in [
        // NFC and NFD are two passwords.
        ("caf\u{e9} hums a quiet vowel", "cafe\u{301} hums a quiet vowel"),
        ("cafe\u{301} hums a quiet vowel", "caf\u{e9} hums a quiet vowel"),
        ("  four  blanks and words  ", "four  blanks and words"),
        ("tab\tand\nbreak in quiet use\n", "tab\tand\nbreak in quiet use"),
        ("nul\0in a quiet vowel", "nul"),
        ("\u{ff46}ull width in fog", "full width in fog"),
        ("Quiet Vowels Hum In Fog", "quiet vowels hum in fog"),
        ("\u{6f22}\u{5b57}\u{30ab}\u{30bf}\u{30ab}\u{30ca}\u{d55c}\u{ae00}\u{430}\u{5d0}", "\u{6f22}\u{5b57}"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{at}@example.com");
        register(&service, "Ada", &email, password).await.unwrap();
        assert!(service.login(&email, password).await.is_ok(), "{password:?}");
        assert!(service.login(&email, look_alike).await.is_err(), "{password:?}");
    }
}

/// C61: a malformed address is refused. A name is kept to the byte.
#[tokio::test]
async fn bad_email_is_refused_and_name_kept_to_the_byte() {
    let service = start().await;
    let password = "quiet vowels hum in fog";
    for email in ["test@io", "\"a\"@example.com", "a\u{200b}b@example.com", "a@exa\u{ad}mple.com", "a\0@example.com"] {
        let status = register(&service, "Ada", email, password).await.unwrap_err();
        let sentence = "email: must be an email address such as ada@example.com, at most 254 bytes long";
        refused(&status, Code::InvalidArgument, "INVALID_FIELDS", sentence);
    }
    let request = CreateUserRequest {
        name: "Jose\u{301}".into(),
        email: EMAIL.into(),
        password: password.into(),
        ..CreateUserRequest::default()
    };
    let user = service.users().create_user(request).await.unwrap().into_inner().user.unwrap();
    assert_eq!(user.name, "Jose\u{301}");
}
