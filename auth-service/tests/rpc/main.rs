//! The service over the wire: a real server, a real client, a clock that stands still.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod attempts;
#[cfg(test)]
mod audiences;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod far;
#[cfg(test)]
mod guesses;
#[cfg(test)]
mod health;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod last_admin;
#[cfg(test)]
mod login;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod password_change;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod prepared;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod pyjwt;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod register;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod settled;
#[cfg(test)]
mod signers;
#[cfg(test)]
mod stale;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod two_tabs;
#[cfg(test)]
mod untouched;
#[cfg(test)]
mod updates;
#[cfg(test)]
mod users;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod watch;
