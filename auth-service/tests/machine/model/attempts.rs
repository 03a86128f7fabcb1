//! Wrong passwords by account, and used allowances of addresses.

use auth_service::domain::{Allowance, Failures};
use auth_service::store::{AccountDigest, AllowanceKind};
use chrono::TimeDelta;

use super::super::calls::{Answer, AttemptCall, Time};
use super::Model;

impl Model {
    pub(super) fn answer_attempts(&mut self, call: &AttemptCall) -> Answer {
        match call {
            AttemptCall::Failures { account } => Answer::Failures(self.failures.get(account).copied()),
            AttemptCall::Claim { account, seen, now } => Answer::Was(self.claim(account, *seen, *now)),
            AttemptCall::Release { account, seen } => {
                self.release(account, *seen);
                Answer::Done
            }
            AttemptCall::Add { account, network, allowance, now } => {
                if let Some(account) = account {
                    let before = self.failures.get(account).map_or(0, |failures| failures.count);
                    self.failures.insert(*account, Failures { count: before + 1, last: *now });
                }
                self.use_up(AllowanceKind::Failure, network, *allowance, *now);
                Answer::Done
            }
            AttemptCall::Clear { account } => {
                self.failures.remove(account);
                Answer::Done
            }
            AttemptCall::Allowance { kind, network } => {
                Answer::FullTime(self.allowances.get(&(name(*kind), network.clone())).copied())
            }
            AttemptCall::Use { kind, network, allowance, now } => {
                Answer::Used(self.use_allowance(*kind, network, *allowance, *now))
            }
        }
    }

    fn claim(&mut self, account: &AccountDigest, seen: Failures, now: Time) -> bool {
        match self.failures.get_mut(account) {
            Some(failures) if failures.count == seen.count => {
                *failures = Failures { count: seen.count + 1, last: now };
                true
            }
            _ => false,
        }
    }

    /// Removes one failure. Restores the state before the claim if no failure was counted since.
    fn release(&mut self, account: &AccountDigest, seen: Failures) {
        if let Some(failures) = self.failures.get_mut(account).filter(|failures| failures.count > 1) {
            failures.count -= 1;
            if failures.count == seen.count {
                failures.last = seen.last;
            }
        }
    }

    fn use_allowance(
        &mut self,
        kind: AllowanceKind,
        network: &str,
        allowance: Allowance,
        now: Time,
    ) -> Result<(), TimeDelta> {
        if let Some(full) = self.allowances.get(&(name(kind), network.to_owned()))
            && allowance.burst > 0
        {
            // Time until one use is available. The other uses of the burst may still be taken.
            let wait = plausible(*full, allowance, now)
                - now
                - interval(allowance) * i32::try_from(allowance.burst - 1).unwrap();
            if wait > TimeDelta::zero() {
                return Err(wait);
            }
        }
        self.use_up(kind, network, allowance, now);
        Ok(())
    }

    /// Takes one use, even if none is left, and forgets expired rows.
    fn use_up(&mut self, kind: AllowanceKind, network: &str, allowance: Allowance, now: Time) {
        let full = self.allowances.entry((name(kind), network.to_owned())).or_insert(now);
        *full = now.max(plausible(*full, allowance, now)) + interval(allowance);
        // A call removes only a few rows. `pools.rs` limits the rows of each kind to that number.
        self.failures.retain(|_, failures| now - failures.last < TimeDelta::hours(24));
        self.allowances.retain(|_, full| *full > now);
    }
}

/// Returns the time, or `now` if no use of this allowance can have led to the time.
fn plausible(full: Time, allowance: Allowance, now: Time) -> Time {
    let most = interval(allowance) * (i32::try_from(allowance.burst).unwrap() + 128) + TimeDelta::seconds(5);
    if full - now > most { now } else { full }
}

fn interval(allowance: Allowance) -> TimeDelta {
    TimeDelta::milliseconds(60_000 / i64::from(allowance.per_minute))
}

fn name(kind: AllowanceKind) -> &'static str {
    match kind {
        AllowanceKind::Failure => "failures",
        AllowanceKind::SignUp => "sign-ups",
    }
}
