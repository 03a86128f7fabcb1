//! The store's methods on a real database, in levels: each alone, what fails leaves nothing, what happens at once; and how
//! the database finds the rows.

#[cfg(test)]
mod concurrent;
#[cfg(test)]
mod crud;
#[cfg(test)]
mod frozen;
#[cfg(test)]
mod opens;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod transaction;
