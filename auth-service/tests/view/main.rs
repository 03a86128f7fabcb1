//! The view on a real log: what it learns, and when, and what it says once the log cannot be trusted.

#[cfg(test)]
mod follows;
#[cfg(test)]
mod forks;
#[cfg(test)]
#[path = "../store/opens.rs"]
mod opens;
#[cfg(test)]
mod replica;
