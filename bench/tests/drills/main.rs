//! Short forms of the drills: each fault once, and the answer to a caller when a commit's answer is lost.

#![cfg(test)]

mod backups;
mod field;
mod guesses;
mod hostile;
mod kills;
mod lost;
mod outages;
mod refreshes;
mod revocations;
mod turn;
