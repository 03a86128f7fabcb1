//! Times of refused secrets, which must not depend on the number of right bytes (R22).

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth_service::domain::{
    ApiKey, ApiKeyDigest, ApiKeyId, Audiences, Horizon, Name, NewApiKey, Roles, SecretCheck, SessionId, TokenId, User,
    UserId, UserState,
};
use auth_service::keys::model::{CurrentKeys, Key, KeySet, Timetable};
use auth_service::tokens::{Issuer, Scope, Verifier};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bench::Failure;
use secrecy::SecretString;
use testkit::start;

use super::samples::{cropped, welch};

/// Number of samples of each kind.
const SAMPLES_PER_KIND: usize = 1_000_000;

/// Number of checks in a sample: one check takes about as long as a reading of the clock.
const CHECKS_PER_SAMPLE: usize = 8;

const SIGNING_SECRET: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";
const ISSUER: &str = "gatepost";
const LIFETIME: Duration = Duration::from_hours(24);
const DIGEST: [u8; 32] = [7; 32];

/// Prints Welch's t of two kinds of secrets: the first byte is wrong, or the last byte is wrong.
///
/// # Errors
/// Fails if a wrong secret is accepted.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(super) fn print() -> Result<(), Failure> {
    println!(
        "\n{SAMPLES_PER_KIND} samples of a wrong first byte and a wrong last byte       Welch t  of the fastest 95 %"
    );
    println!("{:<66}{:>12}", "", "< 4.5");
    let key = api_key()?;
    let check = |bytes| (&key, ApiKeyDigest(bytes));
    print_row("digest of an API key", &both(&DIGEST).map(check), |(key, digest)| {
        key.check(black_box(digest), start()) == SecretCheck::Unknown
    })?;
    let (verifier, token) = access_token()?;
    let (message, signature) = token.rsplit_once('.').ok_or("a token without a signature")?;
    let tokens = both(&signature_bytes(signature)?).map(|wrong| format!("{message}.{}", URL_SAFE_NO_PAD.encode(wrong)));
    print_row("signature of an access token (HS256)", &tokens, |token| {
        verifier.verify(black_box(token), start()).is_err()
    })
}

/// Returns the bytes with a wrong first byte, and with a wrong last byte.
fn both(bytes: &[u8; 32]) -> [[u8; 32]; 2] {
    [0, bytes.len() - 1].map(|at| {
        let mut wrong = *bytes;
        wrong[at] ^= 1;
        wrong
    })
}

fn signature_bytes(signature: &str) -> Result<[u8; 32], Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(signature)?;
    Ok(bytes.try_into().map_err(|_| "a signature of another length than 32 bytes")?)
}

fn api_key() -> Result<ApiKey, Failure> {
    let name = Name::parse("Export").map_err(|_| "the name is refused")?;
    let new = NewApiKey { name, roles: Roles::default(), audiences: Vec::new(), expire_time: None };
    Ok(ApiKey::new(ApiKeyId::from_u128(1), new, ApiKeyDigest(DIGEST), start()))
}

/// Returns a valid token, and its verifier.
fn access_token() -> Result<(Verifier, String), Failure> {
    let keys = || -> Result<_, Failure> {
        let set = Arc::new(KeySet::new(Key::hs256(&SecretString::from(SIGNING_SECRET))?));
        Ok(Arc::new(CurrentKeys::new(Timetable::always(set))))
    };
    let user = User {
        id: UserId::from_u128(1),
        name: "Ada".into(),
        email: "ada@example.com".into(),
        roles: Roles::default(),
        state: UserState::Active,
        generation: 1,
        revision: 1,
        create_time: start(),
        update_time: start(),
    };
    let audiences = [ISSUER.to_owned()];
    let scope = Scope { session: SessionId::from_u128(2), end: start() + LIFETIME, audiences: &audiences };
    let token = Issuer::new(keys()?, ISSUER.into(), LIFETIME)
        .access_token(&user, scope, TokenId::from_u128(3), start(), Horizon::default())?
        .token;
    let accepted = Audiences::new(audiences.to_vec(), None).ok_or("no audience")?;
    let verifier = Verifier::new(keys()?, ISSUER.into(), accepted, LIFETIME);
    if verifier.verify(&token, start()).is_err() {
        return Err("the valid token is refused".into());
    }
    Ok((verifier, token))
}

/// Measures both kinds in turns, and prints Welch's t of the sample times. Both are read at the same address, so
/// that their places in cache lines make no difference.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
fn print_row<T: Clone>(name: &str, secrets: &[T; 2], is_refused: impl Fn(&T) -> bool) -> Result<(), Failure> {
    let mut times = [Vec::with_capacity(SAMPLES_PER_KIND), Vec::with_capacity(SAMPLES_PER_KIND)];
    let mut place = secrets[0].clone();
    for round in 0..SAMPLES_PER_KIND {
        // Each kind goes first equally often.
        for kind in [round % 2, (round + 1) % 2] {
            place.clone_from(&secrets[kind]);
            let began = Instant::now();
            let refused = (0..CHECKS_PER_SAMPLE).all(|_| is_refused(&place));
            times[kind].push(began.elapsed().as_secs_f64());
            if !refused {
                return Err(format!("{name}: a wrong secret is accepted").into());
            }
        }
    }
    let [one, two] = times;
    println!("{name:<54}{:>12.2}{:>12.2}", welch(&one, &two), welch(&cropped(&one), &cropped(&two)));
    Ok(())
}
