//! The work that a rival gets: its start, its calls, and the end of a session.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tonic::async_trait;

use super::RivalSettings;
use super::process::RivalProcess;
use crate::Failure;
use crate::load::{CallFuture, LoadCall};

/// A call that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RivalCall {
    /// A read of a post by a verified caller.
    Read,
    /// The same read by anyone.
    PublicRead,
    /// A question about a token, or about a permission.
    Verify,
    /// A login by password.
    Login,
    /// A new access token for a session.
    Refresh,
}

impl RivalCall {
    /// All calls, in the order of the turns.
    pub(super) const ALL: [Self; 5] = [Self::Read, Self::PublicRead, Self::Verify, Self::Login, Self::Refresh];
}

/// The processes of a rival that has given its first correct answer.
pub(super) struct RunningRival {
    pub(super) processes: Vec<RivalProcess>,
    /// Processes behind the rival. Their memory and their start are not the rival's.
    pub(super) backends: Vec<RivalProcess>,
    /// Addresses as `HOST:PORT`, in an order that each rival knows.
    pub(super) addresses: Vec<String>,
    /// Time from the start to the first correct answer.
    pub(super) took: Duration,
}

impl RunningRival {
    /// Returns the address at this place.
    pub(super) fn address(&self, place: usize) -> Result<&str, Failure> {
        Ok(self.addresses.get(place).ok_or("the rival has no such address")?)
    }

    /// Returns the resident memory in MiB.
    pub(super) fn memory(&self) -> Result<f64, Failure> {
        self.processes.iter().map(RivalProcess::memory).sum()
    }

    /// Stops the processes.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        for process in self.processes.into_iter().chain(self.backends) {
            process.stop().await?;
        }
        Ok(())
    }
}

/// The calls of a rival with its users and posts.
#[derive(Default)]
pub(super) struct Work {
    /// The calls of each kind that the rival has, one for each connection or session.
    pub(super) calls: BTreeMap<RivalCall, Vec<LoadCall>>,
    /// Opens a session whose end is measured.
    pub(super) new_session: Option<SessionOpener>,
}

/// Opens sessions.
pub(super) type SessionOpener = Arc<dyn Fn() -> CallFuture<OpenSession> + Send + Sync>;

/// A session that nothing else uses.
pub(super) struct OpenSession {
    /// Ends the session in the rival's own way.
    pub(super) end: CallFuture<()>,
    /// Makes a guarded call with the session's token. Fails with `UNAUTHENTICATED` if the token is refused.
    pub(super) ask: LoadCall,
}

/// A rival that can be started.
#[async_trait]
pub(super) trait RivalServer: Send + Sync {
    /// Starts the rival with its data in this folder, and waits for its first correct answer.
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure>;

    /// Creates users and posts, and returns the calls.
    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure>;
}
