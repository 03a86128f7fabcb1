//! What becomes of the signing key when the database is copied: decided before anything is written, so that no token dies
//! by a move unless the settings say that it would have died anyway.

use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use super::key_file::write;
use super::key_source::open_sealed;
use super::{Key, KeyFileError, MasterKey, SEALED_KEY, SigningKeyError};

/// What becomes of the key.
pub enum KeyCopy {
    /// It lies in the source sealed, and goes along as it is.
    Sealed,
    /// The file's key is sealed into the target.
    Seal {
        /// The source's file, which is left as it is.
        from: PathBuf,
        /// The sealed key.
        sealed: Vec<u8>,
    },
    /// The file's key goes into a file beside the target.
    File {
        /// The target's file.
        to: PathBuf,
        /// The key.
        pkcs8: Zeroizing<Vec<u8>>,
    },
    /// The file is left where it is, since `JWT_SECRET_KEY` signs.
    Left(PathBuf),
    /// There is none with the source.
    Absent,
}

impl KeyCopy {
    /// Chooses by the settings. `from` and `to` are where a key may lie beside source and target: `None` on PostgreSQL;
    /// `sealed` is what the source holds.
    ///
    /// # Errors
    /// When the key cannot go along, or a file cannot be used.
    pub fn choose(
        is_signed_by_secret: bool,
        master: Option<&MasterKey>,
        from: Option<&Path>,
        to: Option<&Path>,
        sealed: Option<&[u8]>,
    ) -> Result<Self, SigningKeyError> {
        if let Some(sealed) = sealed {
            if let Some(master) = master {
                open_sealed(master, sealed)?;
            }
            return Ok(Self::Sealed);
        }
        let Some(from) = from.filter(|path| path.exists()) else { return Ok(Self::Absent) };
        if is_signed_by_secret {
            return Ok(Self::Left(from.to_owned()));
        }
        let Some(pkcs8) = Key::pkcs8_from_file(from)? else { return Ok(Self::Absent) };
        match (master, to) {
            (Some(master), _) => Ok(Self::Seal { from: from.to_owned(), sealed: master.seal(SEALED_KEY, &pkcs8) }),
            (None, Some(to)) => {
                let there = Key::pkcs8_from_file(to)?;
                if there.is_some_and(|there| there != pkcs8) {
                    return Err(KeyFileError::Another(to.to_owned()).into());
                }
                Ok(Self::File { to: to.to_owned(), pkcs8 })
            }
            (None, None) => Err(SigningKeyError::FileAlone(from.to_owned())),
        }
    }

    /// What is to be added to the target's secrets.
    pub fn secret(&self) -> Option<(&str, &[u8])> {
        match self {
            Self::Seal { sealed, .. } => Some((SEALED_KEY, sealed)),
            _ => None,
        }
    }

    /// Writes the target's file, if it is to have one.
    ///
    /// # Errors
    /// [`KeyFileError`], which says what to do.
    pub fn write_file(&self) -> Result<(), KeyFileError> {
        match self {
            Self::File { to, pkcs8 } => write(to, pkcs8),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn master(text: &str) -> MasterKey {
        MasterKey::parse(&text.into()).unwrap()
    }

    #[test]
    fn the_key_goes_where_the_target_keeps_it_or_nothing_is_begun() {
        let folder = kit::testing::folder();
        let (from, to) = (folder.path().join("a.key.pem"), folder.path().join("b.key.pem"));
        let (ours, others) = (
            master("Ygr7Mt/clGdk1xhyomNNC5pbaBXl1fYHFhWI8wqwnMg="),
            master("ZpKG7+k6QBFqr3RXEfmsHP/tbd7JmEctl2NGIb1KT3k="),
        );
        let choose = |secret, master, to: Option<&Path>, sealed: Option<&[u8]>| {
            KeyCopy::choose(secret, master, Some(&from), to, sealed)
        };
        assert!(matches!(choose(false, None, None, None), Ok(KeyCopy::Absent)), "there is no key yet");
        let id = Key::from_file(&from).unwrap().id().to_owned();
        assert!(matches!(choose(false, None, None, None), Err(SigningKeyError::FileAlone(_))));
        assert!(matches!(choose(true, None, None, None), Ok(KeyCopy::Left(_))));
        assert!(matches!(choose(true, Some(&ours), Some(&to), None), Ok(KeyCopy::Left(_))));

        let Ok(KeyCopy::Seal { sealed, .. }) = choose(false, Some(&ours), None, None) else { panic!("it is sealed") };
        assert_eq!(open_sealed(&ours, &sealed).unwrap().id(), id);
        for (secret, master) in [(false, None), (true, None), (false, Some(&ours)), (true, Some(&ours))] {
            assert!(matches!(choose(secret, master, None, Some(&sealed)), Ok(KeyCopy::Sealed)));
        }
        let refused = choose(false, Some(&others), None, Some(&sealed));
        assert!(matches!(refused, Err(SigningKeyError::OtherMasterKey)));

        for _ in 0..2 {
            let copy = choose(false, None, Some(&to), None).unwrap();
            assert!(copy.secret().is_none());
            copy.write_file().unwrap();
            assert_eq!(Key::from_file(&to).unwrap().id(), id, "and again, after a copy that was killed");
        }
        fs::remove_file(&to).unwrap();
        let other = Key::from_file(&to).unwrap().id().to_owned();
        let refused = choose(false, None, Some(&to), None);
        assert!(matches!(refused, Err(SigningKeyError::File(KeyFileError::Another(_)))));
        assert_eq!(Key::from_file(&to).unwrap().id(), other, "no key is lost");
    }
}
