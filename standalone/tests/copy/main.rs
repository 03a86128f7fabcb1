//! `gatepost copy` as its operator meets it: from engine to engine and back, refused, altered and killed.

#[cfg(test)]
mod copying;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod meanwhile;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the start look at more of a database than these")]
#[path = "../start/outsider.rs"]
mod outsider;
#[cfg(test)]
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
#[cfg(test)]
mod refused;
#[cfg(test)]
#[expect(dead_code, reason = "the tests of the start meet a service in more ways than these")]
#[path = "../start/service.rs"]
mod service;
#[cfg(test)]
mod story;
#[cfg(test)]
mod told;
