//! Flags of `bench drill stall`, and its plan.

use std::time::Duration;

use bench::drill::stall::{RetryBehavior, StallPlan, StallSubject};
use clap::Args;

use super::flags::{attack_flags, names};

#[derive(Clone, Debug, Args)]
pub(crate) struct Stalls {
    /// Only these processes [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<StallSubject>,
    /// Only these behaviors of the clients [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',')]
    retries: Vec<RetryBehavior>,
    /// Seconds for which the process is stopped
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

impl Stalls {
    /// Time of the load before and after a stall.
    const TIME_AROUND: Duration = Duration::from_secs(15);
    /// Time after a stall until the goodput must be back.
    const RECOVERY_TIME: Duration = Duration::from_secs(5);
    /// Least part of the goodput before a stall.
    const LEAST_GOODPUT: f64 = 0.9;

    pub(super) fn flags(&self) -> String {
        let retries =
            if self.retries.is_empty() { String::new() } else { format!("--retries {} ", names(&self.retries)) };
        format!("{retries}{}", attack_flags(&self.only, self.seconds))
    }

    pub(super) fn plan(&self) -> StallPlan {
        StallPlan {
            subjects: if self.only.is_empty() { StallSubject::ALL.to_vec() } else { self.only.clone() },
            retries: if self.retries.is_empty() { RetryBehavior::ALL.to_vec() } else { self.retries.clone() },
            stall: Duration::from_secs(self.seconds),
            around: Self::TIME_AROUND,
            recovery: Self::RECOVERY_TIME,
            goodput: Self::LEAST_GOODPUT,
        }
    }
}
