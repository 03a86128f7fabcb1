//! Machines in namespaces of their own, joined by a router.
//!
//! Each node has a pair of virtual interfaces: `eth0` in its own namespace, and one with the node's name in the router's
//! namespace. A rule of the router drops packets from one node to another in one direction, without an answer. A host
//! with such a rule of its own would refuse to connect at once, so the router has the rules.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tonic::transport::{Channel, Endpoint};

use super::connector::NamespaceConnector;
use super::namespace::{Namespace, prefix_of_network, remove_leftovers};
use crate::Failure;

/// The priority of the rules that drop packets, before the rules of a usual machine.
const DROP_PRIORITY: u32 = 100;

/// A machine of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The clients.
    Client,
    /// The auth service that the clients ask.
    Auth,
    /// Another replica of the auth service.
    Replica,
    /// The first guarded service.
    FirstGuard,
    /// The second guarded service.
    SecondGuard,
    /// PostgreSQL.
    Database,
}

/// All namespaces. Dropping the value removes them.
pub(super) struct Network {
    nodes: Vec<Arc<Namespace>>,
    router: Namespace,
}

impl Node {
    const ALL: [Self; 6] =
        [Self::Client, Self::Auth, Self::Replica, Self::FirstGuard, Self::SecondGuard, Self::Database];

    /// Name of the node's interface at the router.
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Auth => "auth",
            Self::Replica => "replica",
            Self::FirstGuard => "guard1",
            Self::SecondGuard => "guard2",
            Self::Database => "database",
        }
    }

    /// Returns the node's address. No address is visible outside of the namespaces.
    pub(super) fn address(self) -> Ipv4Addr {
        let [client, auth, replica, first, second, database] = [1, 2, 3, 4, 5, 6];
        let network = match self {
            Self::Client => client,
            Self::Auth => auth,
            Self::Replica => replica,
            Self::FirstGuard => first,
            Self::SecondGuard => second,
            Self::Database => database,
        };
        Ipv4Addr::new(10, 99, network, 2)
    }
}

impl Network {
    /// Creates all namespaces, after a removal of those of dead drills.
    pub(super) fn create() -> Result<Self, Failure> {
        remove_leftovers()?;
        let prefix = prefix_of_network();
        let router = Namespace::create(&prefix, "router")?;
        // The setting belongs to the namespace of the thread that writes it.
        router.inside(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1"))??;
        let mut network = Self { nodes: Vec::new(), router };
        for node in Node::ALL {
            let namespace = Namespace::create(&prefix, node.name())?;
            let (name, address) = (node.name(), node.address());
            let [a, b, c, _] = address.octets();
            let gateway = Ipv4Addr::new(a, b, c, 1);
            network.router.ip(&format!("link add name {name} type veth peer name eth0 netns {}", namespace.name()))?;
            network.router.ip(&format!("address add {gateway}/24 dev {name}"))?;
            network.router.ip(&format!("link set dev {name} up"))?;
            namespace.ip(&format!("address add {address}/24 dev eth0"))?;
            namespace.ip("link set dev eth0 up")?;
            namespace.ip(&format!("route add default via {gateway}"))?;
            network.nodes.push(Arc::new(namespace));
        }
        Ok(network)
    }

    /// Returns a node's namespace.
    pub(super) fn namespace(&self, node: Node) -> &Arc<Namespace> {
        let place = Node::ALL.iter().position(|one| *one == node);
        &self.nodes[place.unwrap_or_default()]
    }

    /// Opens a connection of the clients, which connects again after a loss.
    pub(super) async fn channel(&self, address: SocketAddr) -> Result<Channel, Failure> {
        let connector = NamespaceConnector::new(self.namespace(Node::Client), address);
        Ok(Endpoint::from_shared(format!("http://{address}"))?.connect_with_connector(connector).await?)
    }

    /// Drops all packets from one node to the other.
    pub(super) fn drop_packets(&self, from: Node, to: Node) -> Result<(), Failure> {
        let (from, to) = (from.address(), to.address());
        self.router.ip(&format!("rule add blackhole from {from} to {to} priority {DROP_PRIORITY}"))
    }

    /// Forwards all packets from one node to the other again.
    pub(super) fn forward_packets(&self, from: Node, to: Node) -> Result<(), Failure> {
        let (from, to) = (from.address(), to.address());
        self.router.ip(&format!("rule delete blackhole from {from} to {to} priority {DROP_PRIORITY}"))
    }

    /// Takes a node off the network: the router answers for it that it cannot be reached.
    pub(super) fn unplug(&self, node: Node) -> Result<(), Failure> {
        self.router.ip(&format!("link set dev {} down", node.name()))
    }

    /// Puts a node back on the network.
    pub(super) fn plug(&self, node: Node) -> Result<(), Failure> {
        self.router.ip(&format!("link set dev {} up", node.name()))
    }
}
