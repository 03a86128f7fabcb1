//! A value made of files, renewed when the files change.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::TlsFileError;
use super::pem::PemFile;

/// A function that makes the value from the files, at a time since 1970.
type Build<T> = Box<dyn Fn(&[PemFile], Duration) -> Result<T, TlsFileError> + Send + Sync>;

/// A value made of files. Files that cannot be used leave the last value in place.
///
/// The contents of the files decide, and not their times: Kubernetes swaps a link to their folder.
pub struct Watched<T> {
    paths: Vec<PathBuf>,
    build: Build<T>,
    current: RwLock<Arc<T>>,
    tried: Mutex<TriedFiles>,
}

/// The last files that were tried.
struct TriedFiles {
    digest: [u8; 32],
    error: Option<TlsFileError>,
}

/// The result of a look at the files.
#[derive(Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The files have not changed, or their fault is known.
    Unchanged,
    /// The value is made of the new files.
    Renewed,
    /// The new files cannot be used, and the last value stays.
    Kept(TlsFileError),
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl<T> Watched<T> {
    /// Makes the first value. `now` is the time since 1970. Blocks.
    ///
    /// # Errors
    /// Fails if the files cannot be used.
    pub fn open(
        paths: Vec<PathBuf>,
        now: Duration,
        build: impl Fn(&[PemFile], Duration) -> Result<T, TlsFileError> + Send + Sync + 'static,
    ) -> Result<Self, TlsFileError> {
        let files = read(&paths)?;
        let current = RwLock::new(Arc::new(build(&files, now)?));
        let tried = Mutex::new(TriedFiles { digest: digest(&files), error: None });
        Ok(Self { paths, build: Box::new(build), current, tried })
    }

    /// Returns the value.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the value again if the files have changed. `now` is the time since 1970. Blocks.
    ///
    /// Files with a fault are tried again each time: two files may have been read on both sides of a swap, and a
    /// certificate may become valid later.
    pub fn refresh(&self, now: Duration) -> Refreshed {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let renewed = read(&self.paths).and_then(|files| {
            let digest = digest(&files);
            let is_new = tried.error.is_some() || digest != tried.digest;
            let value = is_new.then(|| (self.build)(&files, now)).transpose()?;
            tried.digest = digest;
            Ok(value)
        });
        match renewed {
            Ok(None) => Refreshed::Unchanged,
            Ok(Some(value)) => {
                tried.error = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                Refreshed::Renewed
            }
            Err(error) if tried.error.as_ref() == Some(&error) => Refreshed::Unchanged,
            Err(error) => {
                tried.error = Some(error.clone());
                Refreshed::Kept(error)
            }
        }
    }
}

fn read(paths: &[PathBuf]) -> Result<Vec<PemFile>, TlsFileError> {
    paths.iter().map(|path| PemFile::read(path)).collect()
}

/// Returns the digest of all contents and their lengths.
fn digest(files: &[PemFile]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.bytes().len().to_be_bytes());
        digest.update(file.bytes());
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::TlsFault;
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn open(folder: &Path) -> Watched<Vec<u8>> {
        let paths = vec![folder.join("one"), folder.join("two")];
        Watched::open(paths, NOW, |files, _| {
            let all = files.iter().flat_map(PemFile::bytes).copied().collect::<Vec<_>>();
            if all.contains(&b'!') { Err(files[0].fault(TlsFault::BrokenPem)) } else { Ok(all) }
        })
        .unwrap()
    }

    #[test]
    fn files_with_a_fault_leave_the_last_value() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        fs::write(&one, "a").unwrap();
        fs::write(&two, "b").unwrap();
        let watched = open(folder.path());
        assert_eq!((watched.refresh(NOW), &*watched.current()), (Refreshed::Unchanged, &b"ab".to_vec()));
        fs::write(&two, "!").unwrap();
        assert!(matches!(watched.refresh(NOW), Refreshed::Kept(_)));
        assert_eq!(watched.refresh(NOW), Refreshed::Unchanged, "a fault is reported once");
        assert_eq!(*watched.current(), b"ab");
        fs::remove_file(&two).unwrap();
        let Refreshed::Kept(error) = watched.refresh(NOW) else { panic!("another fault is reported") };
        assert_eq!(error.path(), two);
        fs::write(&two, "b").unwrap();
        assert_eq!(watched.refresh(NOW), Refreshed::Renewed, "the files are good again");
        fs::write(&one, "ab").unwrap();
        fs::write(&two, "").unwrap();
        assert_eq!(watched.refresh(NOW), Refreshed::Renewed, "bytes have moved between files");
    }
}
