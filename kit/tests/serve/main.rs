//! The server's settings, each seen from the wire: a test fails when its line is deleted.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod deadlines;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod proxy_protocol;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod waiting;
