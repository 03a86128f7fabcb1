//! Where the signing key comes from: decided by the settings before anything is opened, so that a start that cannot
//! sign writes nothing, and so that no start makes a new key, which logs everybody out, while an older one is kept.

use std::path::{Path, PathBuf};

use super::{CannotOpen, Key, KeyFileError, KeyType, MasterKey};

/// The name that the sealed key is kept under in the database; the seal is bound to it.
pub const SEALED_KEY: &str = "signing-key";

/// Where the signing key comes from.
pub enum KeySource {
    /// `JWT_SECRET_KEY`: nothing else is looked at.
    Secret(Key),
    /// The database, sealed with `AUTH_MASTER_KEY`.
    Sealed(SealedKey),
    /// A file beside the database.
    File(KeyFile),
}

/// A key in the database, sealed.
pub struct SealedKey {
    master: MasterKey,
    file: Option<PathBuf>,
}

/// A key in a file beside the database.
pub struct KeyFile(PathBuf);

/// What to keep in the database when it holds no sealed key yet.
pub struct Fresh<'a> {
    /// The sealed key.
    pub sealed: Vec<u8>,
    /// The file that the key has been taken from, which is not read again.
    pub from: Option<&'a Path>,
}

/// Why there is no signing key: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// A replica has no file that it could keep a key in, and no setting says what else.
    #[error(
        "on PostgreSQL the signing key is kept in the database, sealed: set AUTH_MASTER_KEY, 32 bytes in base64 \
         (`openssl rand -base64 32`), the same for every replica, or sign with JWT_SECRET_KEY"
    )]
    NoSetting,
    /// A copy to a replica's database would leave the key behind.
    #[error(
        "{0} holds the signing key, and on PostgreSQL it is kept in the database, sealed: set AUTH_MASTER_KEY, 32 bytes in \
         base64 (`openssl rand -base64 32`), or JWT_SECRET_KEY if that is what signs"
    )]
    FileAlone(PathBuf),
    /// The key is in the database, and nothing opens it.
    #[error("the database holds the signing key, sealed: set AUTH_MASTER_KEY to the key that it was sealed with")]
    NoMasterKey,
    /// The key in the database was sealed with another key, or is damaged.
    #[error("AUTH_MASTER_KEY is not the one that the signing key in the database was sealed with: set that one")]
    OtherMasterKey,
    /// A later version has sealed the key.
    #[error("the signing key in the database was sealed by a later version: run that version, or a later one")]
    Later,
    /// What was sealed is no key.
    #[error(
        "the sealed signing key in the database is no Ed25519, P-256 or RSA key: restore the database from a backup"
    )]
    Garbled,
    /// The key's file cannot be used, or no key can be made.
    #[error(transparent)]
    File(#[from] KeyFileError),
}

impl KeySource {
    /// Chooses by the settings. `file` is where a key may lie beside the database: `None` on PostgreSQL, whose
    /// replicas share no folder.
    ///
    /// # Errors
    /// [`SigningKeyError::NoSetting`].
    pub fn choose(
        secret: Option<Key>,
        master: Option<MasterKey>,
        file: Option<PathBuf>,
    ) -> Result<Self, SigningKeyError> {
        match (secret, master, file) {
            (Some(key), _, _) => Ok(Self::Secret(key)),
            (None, Some(master), file) => Ok(Self::Sealed(SealedKey { master, file })),
            (None, None, Some(path)) => Ok(Self::File(KeyFile(path))),
            (None, None, None) => Err(SigningKeyError::NoSetting),
        }
    }
}

impl SealedKey {
    /// The key that the database holds.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open(&self, sealed: &[u8]) -> Result<Key, SigningKeyError> {
        open_sealed(&self.master, sealed)
    }

    /// A sealed key for a database that holds none: the file's, so that nobody is logged out, or else a new one. The
    /// file is left as it is.
    ///
    /// # Errors
    /// When there is a file that cannot be used, or no key can be made.
    pub fn fresh(&self) -> Result<Fresh<'_>, SigningKeyError> {
        let found = match &self.file {
            Some(path) => Key::pkcs8_from_file(path)?,
            None => None,
        };
        let (pkcs8, from) = match found {
            Some(pkcs8) => (pkcs8, self.file.as_deref()),
            None => (Key::generate_pkcs8(KeyType::default())?, None),
        };
        Ok(Fresh { sealed: self.master.seal(SEALED_KEY, &pkcs8), from })
    }
}

/// The key that was sealed with this master key.
pub(super) fn open_sealed(master: &MasterKey, sealed: &[u8]) -> Result<Key, SigningKeyError> {
    let pkcs8 = master.open(SEALED_KEY, sealed).map_err(|error| match error {
        CannotOpen::Version => SigningKeyError::Later,
        CannotOpen::Seal => SigningKeyError::OtherMasterKey,
    })?;
    Key::from_pkcs8(&pkcs8).ok_or(SigningKeyError::Garbled)
}

impl KeyFile {
    /// The file's key, made when there is no file; `sealed` is what the database holds.
    ///
    /// # Errors
    /// When the database holds a sealed key, or the file cannot be used.
    pub fn open(&self, sealed: Option<&[u8]>) -> Result<Key, SigningKeyError> {
        if sealed.is_some() {
            return Err(SigningKeyError::NoMasterKey);
        }
        Ok(Key::from_file(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "Ygr7Mt/clGdk1xhyomNNC5pbaBXl1fYHFhWI8wqwnMg=";
    const OTHERS: &str = "ZpKG7+k6QBFqr3RXEfmsHP/tbd7JmEctl2NGIb1KT3k=";

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Engine {
        Sqlite,
        Postgres,
    }

    /// What the database holds at the start.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Held {
        Nothing,
        Ours,
        Others,
        Later,
        NoKey,
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Outcome {
        Secret,
        Held,
        File,
        New,
        Refused(&'static str),
    }

    /// The rules: settings `JWT_SECRET_KEY` and `AUTH_MASTER_KEY`, engine, what the database holds, whether there is a
    /// key file. Then: what signs, whether the database's sealed key and the key file are there in the end.
    fn rule(secret: bool, master: bool, engine: Engine, held: Held, file: bool) -> (Outcome, bool, bool) {
        use Engine::{Postgres, Sqlite};
        let kept = held != Held::Nothing;
        match (secret, master, engine, held, file) {
            (true, ..) => (Outcome::Secret, kept, file),
            (_, true, _, Held::Ours, _) => (Outcome::Held, true, file),
            (_, true, _, Held::Others, _) => (Outcome::Refused("AUTH_MASTER_KEY is not the one"), true, file),
            (_, true, _, Held::Later, _) => (Outcome::Refused("by a later version"), true, file),
            (_, true, _, Held::NoKey, _) => (Outcome::Refused("from a backup"), true, file),
            (_, true, Sqlite, Held::Nothing, true) => (Outcome::File, true, true),
            (_, true, _, Held::Nothing, _) => (Outcome::New, true, file),
            (_, false, Postgres, ..) => (Outcome::Refused("or sign with JWT_SECRET_KEY"), kept, file),
            (_, false, Sqlite, Held::Nothing, true) => (Outcome::File, false, true),
            (_, false, Sqlite, Held::Nothing, false) => (Outcome::New, false, true),
            (_, false, Sqlite, _, _) => (Outcome::Refused("set AUTH_MASTER_KEY to the key"), true, file),
        }
    }

    fn master(text: &str) -> MasterKey {
        MasterKey::parse(&text.into()).unwrap()
    }

    /// What a start does, around a database that holds this.
    fn start(source: KeySource, database: &mut Option<Vec<u8>>) -> Result<Key, SigningKeyError> {
        match source {
            KeySource::Secret(key) => Ok(key),
            KeySource::Sealed(key) => match &*database {
                Some(sealed) => key.open(sealed),
                None => key.open(database.insert(key.fresh()?.sealed)),
            },
            KeySource::File(file) => file.open(database.as_deref()),
        }
    }

    fn check(secret: bool, has_master: bool, engine: Engine, held: Held, has_file: bool) {
        let case = (secret, has_master, engine, held, has_file);
        let folder = kit::testing::folder();
        let path = folder.path().join("auth.key.pem");
        let file = has_file.then(|| Key::from_file(&path).unwrap().id().to_owned());
        let pkcs8 = Key::generate_pkcs8(KeyType::default()).unwrap();
        let mut database = match held {
            Held::Nothing => None,
            Held::Ours => Some(master(OURS).seal(SEALED_KEY, &pkcs8)),
            Held::Others => Some(master(OTHERS).seal(SEALED_KEY, &pkcs8)),
            Held::Later => Some([&[2], &master(OURS).seal(SEALED_KEY, &pkcs8)[1..]].concat()),
            Held::NoKey => Some(master(OURS).seal(SEALED_KEY, b"no key")),
        };
        let before = database.clone();
        let (expected, sealed, filed) = rule(secret, has_master, engine, held, has_file);

        let hs256 = secret.then(|| Key::hs256(&"b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c".into()).unwrap());
        let beside = (engine == Engine::Sqlite).then(|| path.clone());
        let source = KeySource::choose(hs256, has_master.then(|| master(OURS)), beside);
        let key = source.and_then(|source| start(source, &mut database));
        match (&expected, &key) {
            (Outcome::Refused(sentence), Err(error)) => assert!(error.to_string().contains(sentence), "{case:?}"),
            (Outcome::Secret, Ok(key)) => assert!(key.id().starts_with("hs256-"), "{case:?}"),
            (Outcome::Held, Ok(key)) => assert_eq!(key.id(), Key::from_pkcs8(&pkcs8).unwrap().id(), "{case:?}"),
            (Outcome::File, Ok(key)) => assert_eq!(Some(key.id()), file.as_deref(), "{case:?}"),
            (Outcome::New, Ok(key)) => {
                assert!(
                    key.id() != Key::from_pkcs8(&pkcs8).unwrap().id() && Some(key.id()) != file.as_deref(),
                    "{case:?}"
                );
            }
            _ => panic!("{case:?}: {:?}", key.map(|key| key.id().to_owned())),
        }
        assert_eq!((database.is_some(), path.exists()), (sealed, filed), "{case:?}");
        assert!(before.is_none() || before == database, "{case:?}: nothing is lost");
    }

    #[test]
    fn every_start_has_the_key_that_signed_before_or_is_refused() {
        for case in 0..8 {
            let [secret, master, file] = [0, 1, 2].map(|bit| case >> bit & 1 == 1);
            for engine in [Engine::Sqlite, Engine::Postgres] {
                for held in [Held::Nothing, Held::Ours, Held::Others, Held::Later, Held::NoKey] {
                    check(secret, master, engine, held, file);
                }
            }
        }
    }

    #[test]
    fn the_key_of_a_file_is_the_same_when_it_is_sealed_and_the_file_may_go() {
        let folder = kit::testing::folder();
        let path = folder.path().join("auth.key.pem");
        let choose = |master| KeySource::choose(None, master, Some(path.clone())).unwrap();
        let mut database = None;
        let first = start(choose(None), &mut database).unwrap();
        assert_eq!(start(choose(Some(master(OURS))), &mut database).unwrap().id(), first.id());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(start(choose(Some(master(OURS))), &mut database).unwrap().id(), first.id());
        assert!(matches!(start(choose(None), &mut database), Err(SigningKeyError::NoMasterKey)));
        assert!(!path.exists(), "no other key is made");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_not_passed_over() {
        let folder = kit::testing::folder();
        let path = folder.path().join("auth.key.pem");
        std::fs::write(&path, "no key").unwrap();
        let mut database = None;
        let source = KeySource::choose(None, Some(master(OURS)), Some(path)).unwrap();
        assert!(matches!(start(source, &mut database), Err(SigningKeyError::File(_))));
        assert!(database.is_none());
    }
}
