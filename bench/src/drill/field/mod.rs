//! `bench drill field`: what hostile callers do in the field, beside callers who do nothing wrong.
//!
//! A scenario is a file of this folder with `run(program, length) -> Result<Report, Failure>`, a variant of [`Scenario`] and
//! an arm of [`Scenario::run`].

mod kids;

use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use super::Report;
use crate::Failure;

/// One kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Tokens with made-up key ids
    Kids,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Kids];

    /// Attacks a pair of its own for so long, and compares with as long a time without an attack.
    ///
    /// # Errors
    /// Fails if the scenario itself cannot go on.
    pub async fn run(self, program: &Path, length: Duration) -> Result<Report, Failure> {
        match self {
            Self::Kids => kids::run(program, length).await,
        }
    }
}
