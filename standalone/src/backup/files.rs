//! Files that only their folder's owner may read, synced to the disk.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use kit::handover::{create_file, open_file};
use sha2::{Digest as _, Sha256};

use super::manifest::ManifestEntry;

/// Copies a file to a new one, and returns its entry under this name.
pub(super) fn copy(from: &Path, to: &Path, name: &str) -> io::Result<ManifestEntry> {
    let mut file = create_file(to)?;
    let entry = describe(&mut open_file(from)?, name, |bytes| file.write_all(bytes))?;
    file.sync_all()?;
    Ok(entry)
}

/// Returns the entry of a file under this name.
pub(super) fn entry(path: &Path, name: &str) -> io::Result<ManifestEntry> {
    describe(&mut File::open(path)?, name, |_| Ok(()))
}

/// Writes a new file and syncs it.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create_file(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Syncs a folder, so that new, renamed and removed names survive a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn describe(
    from: &mut impl Read,
    name: &str,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<ManifestEntry> {
    let (mut digest, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        take(&buffer[..length])?;
        digest.update(&buffer[..length]);
        bytes += length as u64;
    }
    let digits = digest.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let sha256 = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    Ok(ManifestEntry { name: name.to_owned(), bytes, sha256, migration: None })
}
