//! The pair as its users meet it: a process, a folder, two addresses.

#[cfg(test)]
mod demo;
#[cfg(test)]
mod envoy;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod full;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod session;
#[cfg(test)]
mod start;
#[cfg(test)]
mod story;
#[cfg(test)]
mod support;
