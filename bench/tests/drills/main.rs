//! Short forms of the drills: each fault happens once. A test of lost commits also checks the answer to the caller.

#![cfg(test)]

mod backups;
mod damages;
mod field;
mod guesses;
mod hostile;
mod kills;
mod lost;
mod outages;
mod partitions;
mod powers;
mod refreshes;
mod revocations;
mod soaks;
mod stalls;
mod turn;
