//! Faults of a guard, of the auth service, and of the connections between them.

use std::time::Duration;

use clap::ValueEnum;
use testkit::proxy::Proxy;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::transport::Channel;

use super::{FaultTarget, GUARD_COUNT, NamedFault, RevocableSession, RevocationHistory, RevocationRig, TokenCaller};
use crate::Failure;
use crate::drill::Random;

/// Length of the two parts of a round in milliseconds: first without revocations, then with revocations.
pub(in crate::drill) const CALM_MS: u64 = 400;
pub(in crate::drill) const REVOKING_MS: u64 = 600;

/// A fault with a start and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RevocationFault {
    /// No fault.
    None,
    /// All connections of the guards to the auth service are closed, and each new connection is closed at once.
    Cut,
    /// No byte is forwarded between the guards and the auth service.
    BlackHole,
    /// Bytes are delayed by 50 to 700 ms in each direction.
    Delayed,
    /// The auth service's answers to the guards are lost.
    HalfOpen,
    /// The auth service is paused.
    AuthStopped,
    /// The guards are paused.
    GuardStopped,
    /// `kill -9` of the auth service, which is started again.
    AuthKilled,
    /// No fault; the guards ask another replica than the clients.
    OtherReplica,
    /// No byte is forwarded between the guards' replica and the database.
    ReplicaBehind,
}

impl RevocationFault {
    /// Faults of one auth service.
    pub const ALONE: [Self; 8] = [
        Self::None,
        Self::Cut,
        Self::BlackHole,
        Self::Delayed,
        Self::HalfOpen,
        Self::AuthStopped,
        Self::GuardStopped,
        Self::AuthKilled,
    ];

    /// Faults of two auth services on one PostgreSQL.
    pub const REPLICATED: [Self; 2] = [Self::OtherReplica, Self::ReplicaBehind];

    /// Returns the time from the round's start to the fault's start. The fault starts before most revocations. Guards
    /// are paused before the first revocation. An auth service is stopped after it has acknowledged some revocations.
    pub(super) fn begins(self, random: &mut Random) -> Duration {
        match self {
            Self::GuardStopped => random.millis(100, CALM_MS),
            Self::AuthStopped | Self::AuthKilled => random.millis(CALM_MS + 100, CALM_MS + REVOKING_MS),
            _ => random.millis(100, CALM_MS + REVOKING_MS / 2),
        }
    }

    /// Returns the length of the fault. The length is random: shorter than a lease, or longer than the promised limit.
    pub(super) fn lasts(random: &mut Random) -> Duration {
        if random.one_of(&[true, false]) { random.millis(100, 900) } else { random.millis(2_100, 2_800) }
    }

    /// Starts the fault.
    ///
    /// # Errors
    /// Fails if the fault cannot start.
    pub(super) async fn begin(self, rig: &mut RevocationRig, random: &mut Random) -> Result<(), Failure> {
        match self {
            Self::None | Self::OtherReplica => {}
            Self::Cut => change_links(rig, Proxy::cut),
            Self::BlackHole => change_links(rig, Proxy::black_hole),
            Self::Delayed => {
                let each_way = random.millis(50, 700);
                change_links(rig, |link| link.latency(each_way));
            }
            Self::HalfOpen => change_links(rig, Proxy::half_open),
            Self::AuthStopped => rig.auth.pause().await?,
            Self::GuardStopped => {
                for guard in &rig.guards {
                    guard.process.pause().await?;
                }
            }
            Self::AuthKilled => rig.auth.kill()?,
            Self::ReplicaBehind => rig.replica.iter().for_each(|replica| replica.link.black_hole()),
        }
        Ok(())
    }

    /// Ends the fault.
    ///
    /// # Errors
    /// Fails if the fault cannot end.
    pub(super) fn end(self, rig: &mut RevocationRig) -> Result<(), Failure> {
        match self {
            Self::None | Self::OtherReplica => {}
            Self::Cut | Self::BlackHole | Self::HalfOpen => change_links(rig, Proxy::pass),
            Self::Delayed => change_links(rig, |link| link.latency(Duration::ZERO)),
            Self::AuthStopped => rig.auth.resume()?,
            Self::GuardStopped => rig.guards.iter().try_for_each(|guard| guard.process.resume())?,
            Self::AuthKilled => rig.auth.start_again()?,
            Self::ReplicaBehind => rig.replica.iter().for_each(|replica| replica.link.pass()),
        }
        Ok(())
    }
}

impl NamedFault for RevocationFault {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cut => "connections cut",
            Self::BlackHole => "black hole",
            Self::Delayed => "delayed",
            Self::HalfOpen => "answers lost",
            Self::AuthStopped => "auth service stopped",
            Self::GuardStopped => "guards stopped",
            Self::AuthKilled => "auth service killed",
            Self::OtherReplica => "none, another replica",
            Self::ReplicaBehind => "that replica cut off",
        }
    }
}

/// Applies this change to all connections from guards to the auth service.
fn change_links(rig: &RevocationRig, to: impl Fn(&Proxy)) {
    rig.guards.iter().for_each(|guard| to(&guard.link));
}

impl FaultTarget for RevocationRig {
    type Fault = RevocationFault;

    async fn auth(&self) -> Result<Channel, Failure> {
        self.auth.channel().await
    }

    async fn callers(
        &self,
        number: usize,
        session: &RevocableSession,
        history: &RevocationHistory,
    ) -> Result<Vec<TokenCaller>, Failure> {
        let mut callers = RevocationRig::callers(self, number, session, history).await?;
        callers.extend(self.replica_callers(number, session, history).await?);
        Ok(callers)
    }

    fn guards(&self) -> usize {
        GUARD_COUNT
    }

    async fn suffer(&mut self, fault: RevocationFault, start: Instant, random: &mut Random) -> Result<(), Failure> {
        sleep_until(start + fault.begins(random)).await;
        fault.begin(self, random).await?;
        sleep(RevocationFault::lasts(random)).await;
        fault.end(self)
    }
}
