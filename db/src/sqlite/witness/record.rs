//! The file of a witness: its records, and how it is found and made.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use kit::handover::{create_file, folder_of};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

/// Start of each record.
const MAGIC: [u8; 8] = *b"gpwitn01";

/// Length of a record: magic, line, number, and the first half of their SHA-256.
pub(super) const RECORD_LENGTH: usize = 48;

/// Length of the file: one record of the service, one of the programs beside it. Two processes never write the same
/// record while a service runs.
const FILE_LENGTH: usize = 2 * RECORD_LENGTH;

/// Random identity of a line of commits. A database with unknown losses gets another one.
pub(in crate::sqlite) type Line = [u8; 16];

/// Number of a commit in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: Line,
    pub(super) number: i64,
}

impl Record {
    pub(super) fn bytes(self) -> [u8; RECORD_LENGTH] {
        let mut bytes = [0; RECORD_LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..24].copy_from_slice(&self.line);
        bytes[24..32].copy_from_slice(&self.number.to_be_bytes());
        let digest = Sha256::digest(&bytes[..32]);
        bytes[32..].copy_from_slice(&digest[..16]);
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let line = bytes.get(8..24)?.try_into().ok()?;
        let number = i64::from_be_bytes(bytes.get(24..32)?.try_into().ok()?);
        let record = Self { line, number };
        (record.bytes() == *bytes).then_some(record)
    }
}

/// Content of the witness's file.
pub(super) struct FoundWitness {
    pub(super) file: File,
    /// Last commit of the service's record, or of a valid record of the same line beside it.
    pub(super) last: Option<Record>,
}

/// Opens the witness in this way, if it exists. Does not follow a link: otherwise the folder's owner could direct root
/// to any file.
pub(super) fn find(path: &Path, how: &mut OpenOptions) -> io::Result<Option<FoundWitness>> {
    let mut file = match how.read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    (&mut file).take(FILE_LENGTH as u64).read_to_end(&mut bytes)?;
    let (own, other) = bytes.split_at(RECORD_LENGTH.min(bytes.len()));
    let other = Record::parse(other);
    let last = Record::parse(own).map(|own| match other {
        Some(other) if other.line == own.line && other.number > own.number => other,
        _ => own,
    });
    Ok(Some(FoundWitness { file, last }))
}

/// Creates the witness of a new line, or replaces its content, and syncs it: the row must never be older than the file.
pub(super) fn create(path: &Path) -> io::Result<(File, Line)> {
    let file = match create_file(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)?
        }
        made => made?,
    };
    let line: Line = kit::random::bytes();
    let mut bytes = [0; FILE_LENGTH];
    bytes[..RECORD_LENGTH].copy_from_slice(&Record { line, number: 0 }.bytes());
    file.write_all_at(&bytes, 0)?;
    file.set_len(FILE_LENGTH as u64)?;
    file.sync_all()?;
    File::open(folder_of(path))?.sync_all()?;
    Ok((file, line))
}
