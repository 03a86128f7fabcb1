//! The service over the wire: a real server behind its guard, a real client, a clock that stands still.

#[cfg(test)]
mod batch;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod posts;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod settled;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transport;
