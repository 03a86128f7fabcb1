//! Lanes of calls. Health and the essential methods have places of their own, which a flood of other calls cannot take.

use std::ops::Index;
use std::sync::Arc;

use super::waiting::{WaitPool, WaitShare};

/// Prefix of health's methods.
const HEALTH_PREFIX: &str = "/grpc.health.v1.Health/";

/// Number of the lanes.
const LANES: usize = 3;

/// Lane of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// All other calls.
    Ordinary,
    /// Calls of health.
    Health,
    /// Calls of methods without which other services stop.
    Essential,
}

/// Lanes of a server.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pools: [LanePool; LANES],
    /// Paths of the essential methods.
    essential: &'static [&'static str],
}

/// Places of a lane.
#[derive(Clone, Debug)]
struct LanePool {
    waiting: WaitPool,
    running: WaitPool,
}

/// Share of one connection in each lane.
#[derive(Debug)]
pub(super) struct LaneShares([LaneShare; LANES]);

/// Share of one connection in a lane.
#[derive(Debug)]
pub(super) struct LaneShare {
    /// Places to wait, for the request or for room.
    pub(super) waiting: Arc<WaitShare>,
    /// Places to run.
    pub(super) running: Arc<WaitShare>,
}

impl Lanes {
    /// Creates the lanes of a server: places for ordinary calls to wait and to run, places in each reserve, and the
    /// essential methods.
    pub(super) fn new((waiting, running): (usize, usize), reserved: usize, essential: &'static [&'static str]) -> Self {
        let pool = |waiting, running| LanePool { waiting: WaitPool::new(waiting), running: WaitPool::new(running) };
        let reserve = || pool(reserved, reserved);
        Self { pools: [pool(waiting, running), reserve(), reserve()], essential }
    }

    /// Returns the places of running ordinary calls.
    pub(super) fn ordinary(&self) -> &WaitPool {
        &self.pools[Lane::Ordinary as usize].running
    }

    /// Returns the lane of the method at this path.
    pub(super) fn find(&self, path: &str) -> Lane {
        match () {
            () if path.starts_with(HEALTH_PREFIX) => Lane::Health,
            () if self.essential.contains(&path) => Lane::Essential,
            () => Lane::Ordinary,
        }
    }

    /// Opens the shares of a new connection.
    pub(super) fn open_shares(&self) -> LaneShares {
        LaneShares(
            self.pools
                .each_ref()
                .map(|pool| LaneShare { waiting: pool.waiting.open_share(), running: pool.running.open_share() }),
        )
    }
}

impl Index<Lane> for LaneShares {
    type Output = LaneShare;

    fn index(&self, lane: Lane) -> &LaneShare {
        &self.0[lane as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_has_places_of_its_own() {
        let lanes = Lanes::new((1, 2), 3, &["/a.B/Verify"]);
        let take_all = |share: &Arc<WaitShare>| std::iter::from_fn(|| share.enter()).collect::<Vec<_>>();
        let shares = [(); 3].map(|()| lanes.open_shares());
        let mut held = Vec::new();
        for (path, lane, running) in [
            ("/a.B/Other", Lane::Ordinary, 2),
            ("/grpc.health.v1.Health/Check", Lane::Health, 3),
            ("/a.B/Verify", Lane::Essential, 3),
        ] {
            assert_eq!(lanes.find(path), lane);
            let taken: Vec<_> = shares.iter().flat_map(|share| take_all(&share[lane].running)).collect();
            assert_eq!(taken.len(), running, "{path}");
            held.push(taken);
        }
    }
}
