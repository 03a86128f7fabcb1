//! h2load, a generator of another project, beside the benchmark's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gatepost::api::auth::v1::VerifyTokenRequest;
use prost::Message as _;
use tokio::task::block_in_place;

use super::{LoadSettings, MeasuredCall};
use crate::Failure;

/// Name of the program.
const PROGRAM: &str = "h2load";

/// Answer if the program cannot be started.
pub(super) const MISSING: &str = "h2load is missing (Debian: nghttp2-client)";

/// A call for h2load: the URL, and the file with the request.
pub(super) struct OutsideCall {
    url: String,
    body: PathBuf,
}

/// Returns true if the program can be started.
pub(super) fn is_there() -> bool {
    let version = Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

impl OutsideCall {
    /// Writes the request into this folder. The token is in the file only, because other users can read arguments.
    pub(super) fn prepare(kind: MeasuredCall, address: &str, folder: &Path, token: &str) -> Result<Self, Failure> {
        let (path, message) = match kind {
            MeasuredCall::Verify => {
                let request = VerifyTokenRequest { token: token.to_owned() };
                ("gatepost.auth.v1.TokenService/VerifyToken", request.encode_to_vec())
            }
            _ => ("grpc.health.v1.Health/Check", Vec::new()),
        };
        // A frame of gRPC: not compressed, the length, the message.
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len())?.to_be_bytes());
        frame.extend(message);
        let body = folder.join(format!("h2load-{kind}"));
        std::fs::write(&body, frame)?;
        Ok(Self { url: format!("http://{address}/{path}"), body })
    }

    /// Makes the calls of one turn, with as many connections and callers as the benchmark. A failed call counts as a
    /// success, because gRPC reports a failure after a successful HTTP status.
    pub(super) fn turn(&self, settings: &LoadSettings) -> Result<OutsideCount, Failure> {
        let clients = settings.connections.min(settings.callers);
        let streams = settings.callers.div_ceil(clients);
        let output = block_in_place(|| {
            Command::new(PROGRAM)
                .args(["-t", "1", "-c", &clients.to_string(), "-m", &streams.to_string()])
                .args(["-D", &format!("{}ms", settings.turn_ms), "-d"])
                .arg(&self.body)
                .args(["-H", "content-type: application/grpc", "-H", "te: trailers", &self.url])
                .stdin(Stdio::null())
                .output()
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let counts = text.lines().find_map(OutsideCount::read).filter(|_| output.status.success());
        let counts = counts.ok_or_else(|| format!("h2load failed: {}", text.trim_end()))?;
        Ok(OutsideCount { taken: Duration::from_millis(settings.turn_ms), ..counts })
    }
}

/// Answers that h2load has counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OutsideCount {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) taken: Duration,
}

impl OutsideCount {
    /// Adds a turn.
    pub(super) fn add(&mut self, turn: &Self) {
        self.succeeded += turn.succeeded;
        self.failed += turn.failed;
        self.taken += turn.taken;
    }

    /// Reads the line `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, …`.
    fn read(line: &str) -> Option<Self> {
        let counts = line.strip_prefix("requests: ")?;
        let count = |name| counts.split(", ").find_map(|part| part.strip_suffix(name)?.trim().parse().ok());
        Some(Self { succeeded: count(" succeeded")?, failed: count(" failed")?, taken: Duration::ZERO })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_requests_is_read() {
        let line = "requests: 940 total, 972 started, 940 done, 938 succeeded, 2 failed, 1 errored, 0 timeout";
        let count = OutsideCount { succeeded: 938, failed: 2, taken: Duration::ZERO };
        assert_eq!(OutsideCount::read(line), Some(count));
        assert_eq!(OutsideCount::read("finished in 314.26ms, 3133.33 req/s, 114.23KB/s"), None);
    }

    #[test]
    fn request_is_one_frame() {
        let folder = tempfile::tempdir().unwrap();
        let frame = |kind| {
            let call = OutsideCall::prepare(kind, "127.0.0.1:1", folder.path(), "abc").unwrap();
            std::fs::read(call.body).unwrap()
        };
        assert_eq!(frame(MeasuredCall::Check), [0; 5]);
        assert_eq!(frame(MeasuredCall::Verify), [&[0, 0, 0, 0, 5, 10, 3][..], b"abc"].concat());
    }
}
