//! Streams that take no lines.

use std::fs::OpenOptions;
use std::io::{ErrorKind, PipeReader, Write as _, pipe};
use std::process::Stdio;

/// A stream that takes no lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// A pipe without a reader: EPIPE.
    Gone,
    /// A file on a full disk: ENOSPC.
    Full,
    /// A full pipe with a reader that does not read: a write waits.
    Stalled,
}

pub(super) const ALL: [Broken; 3] = [Broken::Gone, Broken::Full, Broken::Stalled];

impl Broken {
    /// Opens such a stream for writing. For a stalled stream, also returns its reader, which the caller must keep open.
    pub(super) fn open(self) -> (Stdio, Option<PipeReader>) {
        let (reader, mut writer) = pipe().unwrap();
        match self {
            Self::Gone => (writer.into(), None),
            Self::Full => (OpenOptions::new().write(true).open("/dev/full").unwrap().into(), None),
            Self::Stalled => {
                rustix::io::ioctl_fionbio(&writer, true).unwrap();
                let full = std::iter::repeat_with(|| writer.write(b"filler\n")).find_map(Result::err);
                assert_eq!(full.unwrap().kind(), ErrorKind::WouldBlock);
                rustix::io::ioctl_fionbio(&writer, false).unwrap();
                (writer.into(), Some(reader))
            }
        }
    }
}
