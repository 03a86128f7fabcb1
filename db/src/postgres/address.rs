//! The server to which the address currently leads, shared by all connections of a service.
//!
//! An address moves to another server when a standby is promoted. Older connections lead to the old server, which may
//! still run. The first new connection shows the new server, and all connections to the old server are closed.

use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Error;

use super::identity::{ServerIdentity, unfit};

/// Identity of the server that the newest connections have shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Address(Arc<Mutex<ServerIdentity>>);

impl Address {
    /// Learns the current server from a new connection.
    ///
    /// # Errors
    /// The server was left behind by a promotion: its acknowledged writes are lost.
    pub(super) fn learn(&self, shown: &ServerIdentity) -> Result<(), Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = known.system.is_some() && known.system == shown.system;
        if is_same && shown.timeline.is_some() && shown.timeline < known.timeline {
            return Err(unfit(
                "the address leads to a server of an earlier timeline, which a promotion has left behind: end that \
                 server, or restart this service to use it",
            ));
        }
        if differs(&known, shown) {
            tracing::warn!(
                system = shown.system,
                timeline = shown.timeline,
                "the address of the database leads to another server: connections to the old one are closed"
            );
            *known = ServerIdentity::default();
        }
        known.system = shown.system.clone().or(known.system.take());
        known.timeline = shown.timeline.clone().or(known.timeline.take());
        Ok(())
    }

    /// Returns true if a connection with this identity leads to another server than the address.
    pub(super) fn has_left(&self, shown: &ServerIdentity) -> bool {
        differs(&self.0.lock().unwrap_or_else(PoisonError::into_inner), shown)
    }
}

/// Returns true if both are known and differ.
fn differs(one: &ServerIdentity, other: &ServerIdentity) -> bool {
    let differ = |one: Option<&str>, other: Option<&str>| one.zip(other).is_some_and(|(one, other)| one != other);
    differ(one.system.as_deref(), other.system.as_deref()) || differ(one.timeline.as_deref(), other.timeline.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(system: &str, timeline: Option<&str>) -> ServerIdentity {
        ServerIdentity { system: Some(system.into()), timeline: timeline.map(Into::into), ..ServerIdentity::default() }
    }

    #[test]
    fn another_timeline_or_system_leaves_the_address() {
        let (old, new, other) = (server("1", Some("00000001")), server("1", Some("00000002")), server("2", None));
        let address = Address::default();
        address.learn(&old).unwrap();
        address.learn(&server("1", None)).unwrap();
        assert!(!address.has_left(&old), "a standby does not show its primary");
        address.learn(&new).unwrap();
        assert!(address.has_left(&old) && !address.has_left(&new) && !address.has_left(&server("1", None)));
        address.learn(&old).unwrap_err();
        assert!(!address.has_left(&new), "a superseded server does not come back");
        address.learn(&other).unwrap();
        assert!(address.has_left(&new) && !address.has_left(&other));
        assert!(!address.has_left(&ServerIdentity::default()), "an unknown server stays");
    }
}
