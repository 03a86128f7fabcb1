//! A log that cannot be written costs log lines, and nothing else: real processes whose output has no reader, a full disk,
//! or a reader that stalls.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod filter;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod hangup;
#[cfg(test)]
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
#[cfg(test)]
mod process;
#[cfg(test)]
mod stalled;
#[cfg(test)]
mod start;
#[cfg(test)]
mod tasks;
