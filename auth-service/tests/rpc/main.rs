//! The service over the wire: a real server, a real client, a clock that stands still.

#[cfg(test)]
mod health;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod login;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod register;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod verify;
