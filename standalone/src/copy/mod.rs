//! `gatepost copy`: moves one service's database to another one, with the signing key.

mod key;
mod run;
mod say;

pub(crate) use run::{CopyFlags, run};
