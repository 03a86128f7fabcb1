//! Damages of a folder's files: random ones from a seed, and a fixed list.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::super::Random;

/// Page of the database, and of a frame of its log.
const PAGE: u64 = 4096;

/// Header of the log, and of each frame.
const LOG_HEADER: u64 = 32;
const FRAME: u64 = PAGE + 24;

/// File of the auth service's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamagedFile {
    /// Database.
    Database,
    /// Write-ahead log.
    Log,
    /// Witness of the commits.
    Witness,
}

/// One damage of one file. Positions are thousandths of the file's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Nothing is changed.
    None,
    /// The file is gone.
    Removed(DamagedFile),
    /// All files but the database and its key are gone.
    DatabaseAlone,
    /// The whole file is zero.
    Zeroed(DamagedFile),
    /// The file ends early.
    Truncated(DamagedFile, u64),
    /// One bit differs.
    Flipped(DamagedFile, u64, u8),
    /// One page is zero.
    ZeroedPage(DamagedFile, u64),
    /// Two pages are swapped.
    SwappedPages(DamagedFile, u64, u64),
    /// The end of the file, up to three sectors, has other bytes.
    TornTail(DamagedFile, u64),
}

impl DamagedFile {
    fn path(self, data: &Path) -> PathBuf {
        data.join(match self {
            Self::Database => "auth.db",
            Self::Log => "auth.db-wal",
            Self::Witness => "auth.db-witness",
        })
    }

    /// Returns the start of the page that has the byte at this position, and the length of the file.
    fn page_at(self, path: &Path, position: u64) -> io::Result<u64> {
        let at = byte(path, position)?;
        Ok(match self {
            Self::Database => at / PAGE * PAGE,
            Self::Log if at >= LOG_HEADER => LOG_HEADER + (at - LOG_HEADER) / FRAME * FRAME,
            Self::Log | Self::Witness => 0,
        })
    }

    fn page_length(self) -> u64 {
        match self {
            Self::Database => PAGE,
            Self::Log => FRAME,
            Self::Witness => 48,
        }
    }
}

impl Mutation {
    /// Damages of the log of a killed service.
    pub const OF_THE_LOG: [Self; 17] = [
        Self::Removed(DamagedFile::Log),
        Self::DatabaseAlone,
        Self::Zeroed(DamagedFile::Log),
        Self::Truncated(DamagedFile::Log, 0),
        Self::Truncated(DamagedFile::Log, 250),
        Self::Truncated(DamagedFile::Log, 500),
        Self::Truncated(DamagedFile::Log, 750),
        Self::Truncated(DamagedFile::Log, 900),
        Self::Truncated(DamagedFile::Log, 990),
        Self::Flipped(DamagedFile::Log, 0, 3),
        Self::Flipped(DamagedFile::Log, 300, 0),
        Self::Flipped(DamagedFile::Log, 600, 7),
        Self::Flipped(DamagedFile::Log, 950, 4),
        Self::ZeroedPage(DamagedFile::Log, 400),
        Self::ZeroedPage(DamagedFile::Log, 800),
        Self::SwappedPages(DamagedFile::Log, 500, 700),
        Self::TornTail(DamagedFile::Log, 2),
    ];

    /// Returns a random damage: of the database, its log or its witness.
    pub fn random(random: &mut Random) -> Self {
        let files =
            [DamagedFile::Database, DamagedFile::Database, DamagedFile::Log, DamagedFile::Log, DamagedFile::Witness];
        let file = random.one_of(&files);
        let (one, other) = (random.number() % 1000, random.number() % 1000);
        match random.number() % 12 {
            0 => Self::Removed(if file == DamagedFile::Database { DamagedFile::Log } else { file }),
            1 => Self::Truncated(file, one),
            2 => Self::ZeroedPage(file, one),
            3 => Self::SwappedPages(file, one, other),
            4 => Self::TornTail(file, one % 3 + 1),
            _ => Self::Flipped(file, one, u8::try_from(other % 8).unwrap_or(0)),
        }
    }

    /// Returns the kind and the file, as a row of a table names them.
    pub fn name(self) -> String {
        let of = |kind: &str, file: DamagedFile| format!("{kind}, {}", format!("{file:?}").to_lowercase());
        match self {
            Self::None => "no damage".into(),
            Self::DatabaseAlone => "database alone".into(),
            Self::Removed(file) => of("removed", file),
            Self::Zeroed(file) => of("zeroed", file),
            Self::Truncated(file, _) => of("truncated", file),
            Self::Flipped(file, ..) => of("bit flipped", file),
            Self::ZeroedPage(file, _) => of("page zeroed", file),
            Self::SwappedPages(file, ..) => of("pages swapped", file),
            Self::TornTail(file, _) => of("torn tail", file),
        }
    }

    /// Damages the folder. `random` chooses the byte within a position. A file that does not exist stays absent.
    ///
    /// # Errors
    /// Fails if a file cannot be read or written.
    pub fn apply(self, data: &Path, random: &mut Random) -> io::Result<()> {
        match self.damage(data, random) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn damage(self, data: &Path, random: &mut Random) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Removed(file) => fs::remove_file(file.path(data)),
            Self::DatabaseAlone => {
                for file in fs::read_dir(data)? {
                    let file = file?;
                    if file.file_name().to_str().is_some_and(|name| name.starts_with("auth.db-")) {
                        fs::remove_file(file.path())?;
                    }
                }
                Ok(())
            }
            Self::Zeroed(file) => {
                let length = fs::metadata(file.path(data))?.len();
                open(&file.path(data))?.write_all_at(&vec![0; usize::try_from(length).unwrap_or(0)], 0)
            }
            Self::Truncated(file, position) => {
                let path = file.path(data);
                open(&path)?.set_len(byte(&path, position)?)
            }
            Self::Flipped(file, position, bit) => {
                let path = file.path(data);
                let length = fs::metadata(&path)?.len().max(1);
                let at = (byte(&path, position)? + random.number() % (length / 1000 + 1)).min(length - 1);
                let (open, mut one) = (open(&path)?, [0]);
                open.read_exact_at(&mut one, at)?;
                open.write_all_at(&[one[0] ^ (1 << bit)], at)
            }
            Self::ZeroedPage(file, position) => {
                let path = file.path(data);
                let at = file.page_at(&path, position)?;
                let mut page = read(&path, at, file.page_length())?;
                page.fill(0);
                open(&path)?.write_all_at(&page, at)
            }
            Self::SwappedPages(file, one, other) => {
                let path = file.path(data);
                let (one, other) = (file.page_at(&path, one)?, file.page_at(&path, other)?);
                let (first, second) = (read(&path, one, file.page_length())?, read(&path, other, file.page_length())?);
                if first.len() != second.len() {
                    return Ok(());
                }
                let open = open(&path)?;
                open.write_all_at(&second, one)?;
                open.write_all_at(&first, other)
            }
            Self::TornTail(file, sectors) => {
                let path = file.path(data);
                let length = fs::metadata(&path)?.len();
                let torn = (sectors * 512).min(length);
                let bytes: Vec<u8> = (0..torn).map(|_| random.number().to_le_bytes()[0]).collect();
                open(&path)?.write_all_at(&bytes, length - torn)
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

/// Returns the byte at this position.
fn byte(path: &Path, position: u64) -> io::Result<u64> {
    Ok(fs::metadata(path)?.len() * position / 1000)
}

/// Returns the bytes of a page, fewer at the end of the file.
fn read(path: &Path, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let count = open(path)?.read_at(&mut bytes, at)?;
    bytes.truncate(count);
    Ok(bytes)
}
