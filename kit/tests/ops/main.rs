//! The operations port, with a service that does what a test says.

#[cfg(test)]
mod limits;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod readiness;
#[cfg(test)]
mod support;
