//! The store's methods on a real database: rows, transactions, races.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod attempts;
#[cfg(test)]
mod concurrent;
#[cfg(test)]
mod crud;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transaction;
