//! `gatepost keys`: what an operator does with the keys that sign, beside a service that runs.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod command;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the start need more of it than these")]
#[path = "../start/outsider.rs"]
mod outsider;
#[cfg(test)]
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
#[cfg(test)]
mod place;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod retired;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the start need more of it than these")]
#[path = "../start/service.rs"]
mod service;
#[cfg(test)]
#[path = "../start/tokens.rs"]
mod tokens;
#[cfg(test)]
mod told;
#[cfg(test)]
mod unknown;
