//! Files for their folder's owner alone, which stand on the disk before anybody counts on them.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use kit::handover::{create_file, open_file};
use sha2::{Digest as _, Sha256};

use super::manifest::Entry;

/// Copies a file to a new one: what was copied, under this name.
pub(super) fn copy(from: &Path, to: &Path, name: &str) -> io::Result<Entry> {
    let mut file = create_file(to)?;
    let entry = describe(&mut open_file(from)?, name, |bytes| file.write_all(bytes))?;
    file.sync_all()?;
    Ok(entry)
}

/// What a file holds, under this name.
pub(super) fn entry(path: &Path, name: &str) -> io::Result<Entry> {
    describe(&mut File::open(path)?, name, |_| Ok(()))
}

/// Writes a new file.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create_file(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// What has been made, renamed or removed in this folder stays so after a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn describe(from: &mut impl Read, name: &str, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Entry> {
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
    Ok(Entry { name: name.to_owned(), bytes, sha256, migration: None })
}
