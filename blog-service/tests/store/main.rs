//! The store's methods on a real database: rows, revisions, races.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod support;
