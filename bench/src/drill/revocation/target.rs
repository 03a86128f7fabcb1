//! Services whose tokens are revoked while a fault acts on them.

use tokio::time::Instant;
use tonic::transport::Channel;

use super::{RevocableSession, RevocationHistory, TokenCaller};
use crate::Failure;
use crate::drill::Random;

/// A kind of fault, with its name for the table.
pub trait NamedFault: Copy {
    /// Returns the fault's name.
    fn name(self) -> &'static str;
}

/// Services that a drill can break.
pub(crate) trait FaultTarget {
    /// The faults of these services.
    type Fault: NamedFault;

    /// Opens a connection of the clients to the auth service.
    async fn auth(&self) -> Result<Channel, Failure>;

    /// Returns a caller of each guard with this session's token, over connections of their own.
    async fn callers(
        &self,
        number: usize,
        session: &RevocableSession,
        history: &RevocationHistory,
    ) -> Result<Vec<TokenCaller>, Failure>;

    /// Returns the number of guards.
    fn guards(&self) -> usize;

    /// Begins the fault, waits, and ends it. The round started at this time.
    async fn suffer(&mut self, fault: Self::Fault, start: Instant, random: &mut Random) -> Result<(), Failure>;
}
