//! Limit of the connections of one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Network bits of an IPv6 address. A caller can use all addresses of such a network.
const NETWORK_MASK: u128 = u128::MAX << 64;

/// Connections of each address.
#[derive(Debug)]
pub(super) struct AddressLimit {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// Connection of an address, counted until it is dropped.
#[derive(Debug)]
pub(super) struct AddressPermit {
    limit: Arc<AddressLimit>,
    network: IpAddr,
}

impl AddressLimit {
    /// Allows this number of connections for each address.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// Counts a connection of this address; `None` if it has too many.
    pub(super) fn claim(self: &Arc<Self>, address: IpAddr) -> Option<AddressPermit> {
        let network = network(address);
        let mut open = self.open();
        let count = open.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(AddressPermit { limit: Arc::clone(self), network })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut open = self.limit.open();
        if let Some(count) = open.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.network);
            }
        }
    }
}

/// Returns an IPv4 address, or the first address of an IPv6 network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_MASK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_ipv6_network_have_a_limit() {
        let limit = AddressLimit::new(2);
        let claim = |text: &str| limit.claim(text.parse().unwrap());
        for (one, other, third) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::2:3:4:5", "2001:db8:0:0:ffff::"),
        ] {
            let held = [one, other].map(|text| claim(text).unwrap());
            assert!(claim(third).is_none(), "{third}");
            drop(held);
            assert!(limit.open().is_empty(), "ended connections leave nothing behind");
        }
        let _held = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"].map(|text| claim(text).unwrap());
    }
}
