//! The service over the wire: a real server, a real client, a clock that stands still.

#[cfg(test)]
mod hardening;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod login;
#[cfg(test)]
mod pyjwt;
#[cfg(test)]
mod register;
#[cfg(test)]
mod support;
#[cfg(test)]
mod untouched;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod verify;
