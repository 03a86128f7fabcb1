//! Handling of the signing keys when the database is copied.
//!
//! The copy decides about the keys before it writes. So it kills no token that the settings would keep valid.

use std::path::PathBuf;

use super::{KeyFile, KeyFileError, MasterKey, SigningKeyError};
use crate::keys::model::Pkcs8;
use crate::store::PrivateHalf;

/// A private half that was sealed for a row of the target.
pub struct SealedHalf {
    /// Id of the key.
    pub id: String,
    /// Sealed private half.
    pub sealed: Vec<u8>,
}

/// Handling of the keys.
pub enum KeyCopy {
    /// The keys are sealed in the source and are copied unchanged.
    Sealed,
    /// The file's keys are sealed into the target.
    Seal {
        /// File of the source, which stays unchanged.
        from: PathBuf,
        /// Private halves for the target's rows.
        sealed: Vec<SealedHalf>,
    },
    /// The file's keys are written to a file beside the target.
    File {
        /// File of the target.
        to: KeyFile,
        /// Documents of the keys.
        keys: Vec<Pkcs8>,
    },
    /// The file stays where it is, because `JWT_SECRET_KEY` signs.
    Left(PathBuf),
    /// The source has no keys.
    Absent,
}

impl KeyCopy {
    /// Chooses the handling by the settings.
    ///
    /// `from` and `to` are the key files beside source and target; `None` on PostgreSQL. `halves` are the keys of the
    /// source in the order of signing.
    ///
    /// # Errors
    /// Fails if a needed key cannot be copied, or if a file cannot be used.
    pub fn choose(
        is_signed_by_secret: bool,
        master: Option<&MasterKey>,
        from: Option<&KeyFile>,
        to: Option<&KeyFile>,
        halves: &[PrivateHalf],
    ) -> Result<Self, SigningKeyError> {
        let from = from.filter(|file| file.path().exists());
        let Some(PrivateHalf { id: last, sealed }) = halves.last() else {
            return match from {
                None => Ok(Self::Absent),
                Some(file) if is_signed_by_secret => Ok(Self::Left(file.path().to_owned())),
                Some(file) => Err(SigningKeyError::NotBegun(file.path().to_owned())),
            };
        };
        if let Some(sealed) = sealed {
            if let Some(master) = master {
                master.open(last, sealed)?;
            }
            return Ok(Self::Sealed);
        }
        match from {
            Some(file) if is_signed_by_secret => Ok(Self::Left(file.path().to_owned())),
            None if is_signed_by_secret => Ok(Self::Absent),
            Some(file) => Self::of_file(file, master, to, halves, last),
            None => Err(SigningKeyError::Gone(last.clone())),
        }
    }

    /// Decides about the keys of a file; the last key is needed.
    fn of_file(
        from: &KeyFile,
        master: Option<&MasterKey>,
        to: Option<&KeyFile>,
        halves: &[PrivateHalf],
        last: &str,
    ) -> Result<Self, SigningKeyError> {
        let mut filed = from.read()?;
        filed.retain(|filed| halves.iter().any(|half| half.id == filed.key.id()));
        if filed.iter().all(|filed| filed.key.id() != last) {
            return Err(SigningKeyError::Lost { id: last.to_owned(), file: from.path().to_owned() });
        }
        match (master, to) {
            (Some(master), _) => {
                let seal = |filed: super::FiledKey| {
                    let id = filed.key.id().to_owned();
                    let sealed = master.seal(&id, &filed.pkcs8);
                    SealedHalf { id, sealed }
                };
                Ok(Self::Seal { from: from.path().to_owned(), sealed: filed.into_iter().map(seal).collect() })
            }
            (None, Some(to)) => {
                let keys: Vec<_> = filed.into_iter().map(|filed| filed.pkcs8).collect();
                if to.read()?.iter().any(|there| !keys.contains(&there.pkcs8)) {
                    return Err(KeyFileError::Another(to.path().to_owned()).into());
                }
                Ok(Self::File { to: to.clone(), keys })
            }
            (None, None) => Err(SigningKeyError::FileAlone(from.path().to_owned())),
        }
    }

    /// Returns the sealed private halves for those rows of the target that have none in the source.
    pub fn sealed(&self) -> &[SealedHalf] {
        match self {
            Self::Seal { sealed, .. } => sealed,
            _ => &[],
        }
    }

    /// Writes the target's file, if it gets one.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do.
    pub fn write_file(&self) -> Result<(), KeyFileError> {
        match self {
            Self::File { to, keys } => to.write(keys),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::keys::model::{Key, KeyType};

    fn master(text: &str) -> MasterKey {
        MasterKey::parse(&text.into()).unwrap()
    }

    fn id(pkcs8: &Pkcs8) -> String {
        Key::from_pkcs8(pkcs8).unwrap().id().to_owned()
    }

    #[test]
    fn copy_puts_keys_where_the_target_keeps_them() {
        let folder = testkit::folder();
        let [from, to] = ["a", "b"].map(|name| KeyFile::new(folder.path().join(name)));
        let (ours, others) = (
            master("Ygr7Mt/clGdk1xhyomNNC5pbaBXl1fYHFhWI8wqwnMg="),
            master("ZpKG7+k6QBFqr3RXEfmsHP/tbd7JmEctl2NGIb1KT3k="),
        );
        let [wiped, old, new, stray] = [(); 4].map(|()| Key::generate_pkcs8(KeyType::default()).unwrap());
        let halves = [&wiped, &old, &new].map(|pkcs8| PrivateHalf { id: id(pkcs8), sealed: None });
        let choose = |secret, master, to: Option<&KeyFile>, halves: &[PrivateHalf]| {
            KeyCopy::choose(secret, master, Some(&from), to, halves)
        };
        assert!(matches!(choose(false, None, None, &[]), Ok(KeyCopy::Absent)), "no key yet");
        assert!(matches!(choose(false, None, Some(&to), &halves), Err(SigningKeyError::Gone(_))));
        from.write(&[old.clone(), stray.clone()]).unwrap();
        assert!(matches!(choose(false, None, Some(&to), &halves), Err(SigningKeyError::Lost { .. })));
        from.write(&[old.clone(), new.clone(), stray]).unwrap();
        assert!(matches!(choose(false, None, None, &[]), Err(SigningKeyError::NotBegun(_))));
        assert!(matches!(choose(false, None, None, &halves), Err(SigningKeyError::FileAlone(_))));
        assert!(matches!(choose(true, None, None, &halves), Ok(KeyCopy::Left(_))));
        assert!(matches!(choose(true, Some(&ours), Some(&to), &halves), Ok(KeyCopy::Left(_))));

        let copy = choose(false, Some(&ours), None, &halves).unwrap();
        let half = |half: &SealedHalf| PrivateHalf { id: half.id.clone(), sealed: Some(half.sealed.clone()) };
        let sealed: Vec<PrivateHalf> = copy.sealed().iter().map(half).collect();
        let ids: Vec<_> = sealed.iter().map(|half| half.id.clone()).collect();
        assert_eq!(ids, [id(&old), id(&new)], "only these keys");
        assert_eq!(ours.open(&id(&new), &copy.sealed()[1].sealed).unwrap(), new);
        for (secret, master) in [(false, None), (true, None), (false, Some(&ours)), (true, Some(&ours))] {
            assert!(matches!(choose(secret, master, None, &sealed), Ok(KeyCopy::Sealed)));
        }
        assert!(matches!(choose(false, Some(&others), None, &sealed), Err(SigningKeyError::OtherMasterKey)));

        for _ in 0..2 {
            let copy = choose(false, None, Some(&to), &halves).unwrap();
            assert!(copy.sealed().is_empty());
            copy.write_file().unwrap();
            let there: Vec<_> = to.read().unwrap().iter().map(|filed| filed.key.id().to_owned()).collect();
            assert_eq!(there, [id(&old), id(&new)], "same result after a killed copy");
        }
        fs::remove_file(to.path()).unwrap();
        to.write(std::slice::from_ref(&wiped)).unwrap();
        let refused = choose(false, None, Some(&to), &halves);
        assert!(matches!(refused, Err(SigningKeyError::File(KeyFileError::Another(_)))));
        assert_eq!(to.read().unwrap()[0].key.id(), id(&wiped), "no key is lost");
    }
}
