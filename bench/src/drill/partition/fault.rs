//! Faults of the network.

use std::time::Duration;

use clap::ValueEnum;
use tokio::time::{Instant, sleep};

use super::network::{Network, Node};
use crate::Failure;
use crate::drill::Random;
use crate::drill::revocation::{CALM_MS, NamedFault, REVOKING_MS};

/// The guards.
const GUARDS: [Node; 2] = [Node::FirstGuard, Node::SecondGuard];

/// The replicas of the auth service.
const AUTH_SERVICES: [Node; 2] = [Node::Auth, Node::Replica];

/// Length of a short fault, and of a long one, in milliseconds. A short fault may end before a lease does. A long one
/// lasts longer than the promised limit, and TCP repeats lost packets less and less often meanwhile.
const SHORT_MS: [u64; 2] = [100, 900];
const LONG_MS: [u64; 2] = [2_100, 6_000];

/// Length of each cut and of each pause of a network that flaps, in milliseconds.
const FLAP_MS: [u64; 2] = [50, 700];

/// A partition of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartitionFault {
    /// No packet passes between the guards and the auth service.
    Cut,
    /// The guards' packets to the auth service are lost.
    RequestsLost,
    /// The auth service's packets to the guards are lost.
    AnswersLost,
    /// The connection between the guards and the auth service is cut and healed again and again.
    Flapping,
    /// The auth service is off the network, also for the clients.
    Unplugged,
    /// One of two guards is cut off.
    OneGuard,
    /// The guards are cut off from one of two replicas, which the clients use.
    ReplicaCut,
    /// One of two replicas is cut off from the database: the other one, not the clients' one.
    ReplicaDatabase,
    /// Both replicas are cut off from the database.
    Database,
}

/// Packets that are lost.
#[derive(Clone, Copy, Debug)]
struct LostWay {
    from: Node,
    to: Node,
}

impl PartitionFault {
    /// Faults of one auth service.
    pub const ALONE: [Self; 6] =
        [Self::Cut, Self::RequestsLost, Self::AnswersLost, Self::Flapping, Self::Unplugged, Self::OneGuard];

    /// Faults of two auth services on one PostgreSQL.
    pub const REPLICATED: [Self; 3] = [Self::ReplicaCut, Self::ReplicaDatabase, Self::Database];

    /// Returns the time from the round's start to the fault's start. An auth service is isolated after it has
    /// acknowledged some revocations.
    pub(super) fn begins(self, random: &mut Random) -> Duration {
        match self {
            Self::Unplugged | Self::Database => random.millis(CALM_MS + 100, CALM_MS + REVOKING_MS),
            _ => random.millis(100, CALM_MS + REVOKING_MS / 2),
        }
    }

    /// Begins the fault, waits, and heals the network. Returns the time of the last heal.
    pub(super) async fn happen(self, network: &Network, random: &mut Random) -> Result<Instant, Failure> {
        let [least, most] = random.one_of(&[SHORT_MS, LONG_MS]);
        let length = random.millis(least, most);
        let end = Instant::now() + length;
        if self == Self::Unplugged {
            network.unplug(Node::Auth)?;
            sleep(length).await;
            network.plug(Node::Auth)?;
            return Ok(Instant::now());
        }
        let ways = self.lost_ways();
        loop {
            ways.iter().try_for_each(|way| network.drop_packets(way.from, way.to))?;
            let is_flapping = self == Self::Flapping;
            sleep(if is_flapping { flap(random) } else { length }).await;
            ways.iter().try_for_each(|way| network.forward_packets(way.from, way.to))?;
            let healed = Instant::now();
            if is_flapping {
                sleep(flap(random)).await;
            }
            if !is_flapping || Instant::now() >= end {
                return Ok(healed);
            }
        }
    }

    /// Returns the packets that are lost.
    fn lost_ways(self) -> Vec<LostWay> {
        let pairs = |some: &[Node], others: &[Node]| -> Vec<LostWay> {
            some.iter().flat_map(|from| others.iter().map(|to| LostWay { from: *from, to: *to })).collect()
        };
        let both = |some: &[Node], others: &[Node]| [pairs(some, others), pairs(others, some)].concat();
        match self {
            Self::Unplugged => Vec::new(),
            Self::Cut | Self::Flapping | Self::ReplicaCut => both(&GUARDS, &[Node::Auth]),
            Self::RequestsLost => pairs(&GUARDS, &[Node::Auth]),
            Self::AnswersLost => pairs(&[Node::Auth], &GUARDS),
            Self::OneGuard => both(&[Node::FirstGuard], &[Node::Auth]),
            Self::ReplicaDatabase => both(&[Node::Replica], &[Node::Database]),
            Self::Database => both(&AUTH_SERVICES, &[Node::Database]),
        }
    }
}

impl NamedFault for PartitionFault {
    fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::RequestsLost => "requests lost",
            Self::AnswersLost => "answers lost",
            Self::Flapping => "flapping",
            Self::Unplugged => "auth unplugged",
            Self::OneGuard => "one guard cut off",
            Self::ReplicaCut => "one replica cut off",
            Self::ReplicaDatabase => "replica's database",
            Self::Database => "database cut off",
        }
    }
}

fn flap(random: &mut Random) -> Duration {
    let [least, most] = FLAP_MS;
    random.millis(least, most)
}
