//! The contract as callers meet it: who may call what, and the faults that this project was written to be without.

#[cfg(test)]
mod cast;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod original;
#[cfg(test)]
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod row;
#[cfg(test)]
mod support;
#[cfg(test)]
mod table;
