//! The pair as its users meet it: a process, a folder, two addresses.

#[cfg(test)]
mod demo;
#[cfg(test)]
mod envoy;
#[cfg(test)]
mod full;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod start;
#[cfg(test)]
mod story;
#[cfg(test)]
mod support;
