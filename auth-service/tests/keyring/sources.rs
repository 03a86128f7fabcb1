//! Each start either finds the key that signed before, or is refused.

use auth_service::domain::Revocation;
use auth_service::keys::model::KeyType;
use auth_service::keys::rotation::{Keyring, KeyringError};
use auth_service::keys::storage::{KeySource, KeyStorage, SEALED_KEY, SigningKeyError};
use db::secrets;
use testkit::{clock, folder, on_both_engines, start};

use crate::ring::{Case, OTHERS, OURS, document, file_in, id_of, listed, logged, master, ring, sealed, signs};

/// The key in the database before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    /// A key sealed by an earlier version.
    Earlier,
    /// A sealed row.
    Sealed,
    /// A row sealed with another master key.
    SealedByOthers,
    /// A row with a private half sealed by a later version.
    Later,
    /// A row with a private half that is not a key.
    NoKey,
    /// A row with its private half in the file.
    Filed,
}

/// The content of the key file before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    /// No file. With SQLite the start may create one, with PostgreSQL never.
    Absent,
    Ours,
    Others,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The key that signed before.
    Same,
    /// The key of a file that the database does not know.
    TakenIn,
    New,
    Refused(&'static str),
}

/// Returns the expected outcome for a master key, a row and a file.
fn rule(master: bool, held: Held, file: File) -> Outcome {
    match (master, held, file) {
        (_, Held::Nothing, File::Absent) => Outcome::New,
        (_, Held::Nothing, _) => Outcome::TakenIn,
        (true, Held::Earlier | Held::Sealed, _) | (_, Held::Filed, File::Ours) => Outcome::Same,
        (true, Held::SealedByOthers, _) => Outcome::Refused("AUTH_MASTER_KEY is not the one"),
        (true, Held::Later, _) => Outcome::Refused("by a later version"),
        (true, Held::NoKey, _) => Outcome::Refused("from a backup"),
        (true, Held::Filed, _) => Outcome::Refused("does not hold the private half"),
        (false, Held::Filed, _) => Outcome::Refused("does not hold the signing key"),
        (false, _, _) => Outcome::Refused("set AUTH_MASTER_KEY to the key"),
    }
}

async fn check(store: &Case, has_master: bool, held: Held, has: File) {
    let case = (has_master, held, has);
    store.database.run("delete from signing_keys").await;
    store.database.run("delete from secrets").await;
    let folder = folder();
    let file = file_in(folder.path());
    let (ours, others) = (document(), document());
    match has {
        File::Absent => {}
        File::Ours => file.write(std::slice::from_ref(&ours)).unwrap(),
        File::Others => file.write(std::slice::from_ref(&others)).unwrap(),
    }
    // The state that an earlier process left.
    let earlier = file_in(folder.path().join("earlier").as_path());
    std::fs::create_dir(folder.path().join("earlier")).unwrap();
    earlier.write(std::slice::from_ref(&ours)).unwrap();
    if !matches!(held, Held::Nothing | Held::Earlier) {
        let before = ring(store, &clock(), KeyStorage::File(earlier)).await;
        assert_eq!(signs(&before, start()), id_of(&ours));
    }
    let half = |name: &str| match held {
        Held::Nothing | Held::Filed => None,
        Held::Earlier | Held::Sealed => Some(master(OURS).seal(name, &ours)),
        Held::SealedByOthers => Some(master(OTHERS).seal(name, &ours)),
        Held::Later => Some([&[2], &master(OURS).seal(name, &ours)[1..]].concat()),
        Held::NoKey => Some(master(OURS).seal(name, b"no key")),
    };
    if held == Held::Earlier {
        plant(store, &half(SEALED_KEY).unwrap()).await;
    } else if let Some(half) = half(&id_of(&ours)) {
        assert!(store.seal_signing_key(&id_of(&ours), &half).await.unwrap());
    }
    let rows = store.signing_keys().await.unwrap();

    let source = KeySource::choose(None, has_master.then(|| master(OURS)), Some(file.clone())).unwrap();
    let KeySource::Pairs(storage) = source else { panic!("no secret is set") };
    let ring = Keyring::new((*store).clone(), clock(), storage);
    let begun = ring.begin(KeyType::default()).await;
    match (rule(has_master, held, has), begun) {
        (Outcome::Refused(sentence), Err(error)) => {
            assert!(error.to_string().contains(sentence), "{case:?}: {error}");
            assert_eq!(store.signing_keys().await.unwrap(), rows, "{case:?}: all rows are kept");
            assert_eq!(file.path().exists(), has != File::Absent, "{case:?}: no key is created");
        }
        (Outcome::Same, Ok(())) => assert_eq!(signs(&ring, start()), id_of(&ours), "{case:?}"),
        (Outcome::TakenIn, Ok(())) => {
            let expected = if has == File::Ours { &ours } else { &others };
            assert_eq!(signs(&ring, start()), id_of(expected), "{case:?}");
        }
        (Outcome::New, Ok(())) => {
            assert!(![id_of(&ours), id_of(&others)].contains(&signs(&ring, start())), "{case:?}");
            assert_eq!(file.path().exists(), !has_master, "{case:?}");
        }
        (expected, begun) => panic!("{case:?}: {expected:?} {begun:?}"),
    }
    if has_master && rule(has_master, held, has) == Outcome::Same {
        assert_eq!(secrets::find(store.db(), SEALED_KEY).await.unwrap(), None, "{case:?}: the key is stored once");
        let halves = store.signing_keys().await.unwrap();
        assert!(halves.iter().all(|row| row.sealed.is_some()), "{case:?}");
    }
}

/// Writes the sealed key as an earlier version did.
async fn plant(store: &Case, sealed: &[u8]) {
    use std::fmt::Write as _;
    let hex = sealed.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let value = if store.database.url.path().is_some() { format!("x'{hex}'") } else { format!("'\\x{hex}'::bytea") };
    store.database.run(&format!("insert into secrets (name, value) values ('{SEALED_KEY}', {value})")).await;
}

async fn start_finds_the_earlier_key_or_is_refused(store: Case) {
    use Held::{Earlier, Filed, Later, NoKey, Nothing, Sealed, SealedByOthers};
    for has_master in [false, true] {
        for held in [Nothing, Earlier, Sealed, SealedByOthers, Later, NoKey, Filed] {
            for has in [File::Absent, File::Ours, File::Others] {
                check(&store, has_master, held, has).await;
            }
        }
    }
}

/// Sealing keeps the keys of the file, and the file may then be removed.
async fn sealed_keys_equal_the_keys_of_the_file(store: Case) {
    let folder = folder();
    let file = file_in(folder.path());
    let first = ring(&store, &clock(), KeyStorage::File(file.clone())).await;
    let signing = signs(&first, start());
    let next = first.rotate(document(), start()).await.unwrap().unwrap();
    let both = [next.id.clone(), signing];
    for _ in 0..2 {
        let storage = KeyStorage::Sealed { master: master(OURS), file: Some(file.clone()) };
        let moved = ring(&store, &clock(), storage).await;
        assert_eq!((signs(&moved, start()), listed(&moved, start())), (next.id.clone(), both.to_vec()));
        let _ = std::fs::remove_file(file.path());
    }
    let refused = Keyring::new(store.clone(), clock(), KeyStorage::File(file.clone())).begin(KeyType::default()).await;
    assert!(matches!(refused, Err(KeyringError::Key(SigningKeyError::NoMasterKey))));
    assert!(!file.path().exists(), "no key file is created");
}

async fn two_first_starts_at_once_make_one_key(store: Case) {
    let clock = clock();
    let (here, there) =
        tokio::join!(Box::pin(ring(&store, &clock, sealed())), Box::pin(ring(&store, &clock, sealed())));
    assert_eq!(signs(&here, start()), signs(&there, start()));
    assert_eq!(logged(&store).await, [Revocation::NewSigningKeys]);
}

on_both_engines!(crate::ring::Case:
    start_finds_the_earlier_key_or_is_refused,
    sealed_keys_equal_the_keys_of_the_file,
    two_first_starts_at_once_make_one_key,
);
