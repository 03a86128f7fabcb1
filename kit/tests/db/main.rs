//! What `kit::db` promises beneath both stores: groups, repeats, limits and refusals, with a table of its own.

#[cfg(test)]
mod both;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod support;
