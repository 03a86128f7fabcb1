//! What nobody sends in good faith: no answer is a fault of ours, and nothing that is secret is said aloud.

#[cfg(test)]
mod cast;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod mutate;
#[cfg(test)]
mod naughty;
#[cfg(test)]
mod outcome;
#[cfg(test)]
#[expect(dead_code, reason = "the pair's own tests start and stop it in more ways than these")]
#[path = "../pair/support.rs"]
mod pair;
#[cfg(test)]
mod random;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod secrets;
