//! PROXY protocol, version 2: a load balancer sends the caller's address before a connection's first byte.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ppp::v2::{Addresses, Command, Header, PROTOCOL_PREFIX};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::Networks;

/// Bytes before the addresses: the signature, version and command, family, and the length of the rest.
const FIXED_BYTES: usize = 16;

/// Maximum number of bytes after the fixed part: addresses and extras such as certificate names.
const MAX_REST_BYTES: usize = 2_048;

/// Time for the whole header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Reader of the header on connections from trusted proxies. Other peers are callers and send no header.
#[derive(Clone, Debug)]
pub struct ProxyProtocol {
    trusted: Networks,
}

/// Error that refuses a connection.
#[derive(Debug, thiserror::Error)]
pub enum ProxyProtocolError {
    /// The connection does not begin with a header of version 2.
    #[error("the connection does not begin with a header of the PROXY protocol, version 2")]
    Malformed,
    /// The header is too long.
    #[error("the header of the PROXY protocol is longer than 2 KiB")]
    TooLong,
    /// The header did not come in time.
    #[error("the header of the PROXY protocol did not come within 5 s")]
    Late,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

impl ProxyProtocol {
    /// Trusts these proxies.
    pub fn new(trusted: Networks) -> Self {
        Self { trusted }
    }

    /// Returns true if connections from this address begin with a header.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.contain(address)
    }

    /// Reads exactly the header of a connection from `peer`, and returns the caller's address.
    ///
    /// Returns the peer's address if the header has no address, as for a balancer's health check. Reads nothing from an
    /// untrusted peer. The accept loop must not await this: a silent proxy takes 5 s.
    ///
    /// # Errors
    /// [`ProxyProtocolError`]; the connection must then be closed.
    pub async fn read<S>(&self, stream: &mut S, peer: SocketAddr) -> Result<SocketAddr, ProxyProtocolError>
    where
        S: AsyncRead + Unpin + Send,
    {
        if !self.trusts(peer.ip()) {
            return Ok(peer);
        }
        let source =
            timeout(HEADER_TIMEOUT, read_source(stream)).await.map_err(|_elapsed| ProxyProtocolError::Late)??;
        Ok(source.unwrap_or(peer))
    }
}

/// Reads exactly the header, and leaves all bytes after it in the stream.
async fn read_source(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, ProxyProtocolError> {
    let mut fixed = [0; FIXED_BYTES];
    stream.read_exact(&mut fixed).await?;
    let (prefix, [.., high, low]) = (&fixed[..PROTOCOL_PREFIX.len()], fixed);
    if prefix != PROTOCOL_PREFIX {
        return Err(ProxyProtocolError::Malformed);
    }
    let rest = usize::from(u16::from_be_bytes([high, low]));
    if rest > MAX_REST_BYTES {
        return Err(ProxyProtocolError::TooLong);
    }
    let mut bytes = fixed.to_vec();
    bytes.resize(FIXED_BYTES + rest, 0);
    stream.read_exact(&mut bytes[FIXED_BYTES..]).await?;
    let header = Header::try_from(bytes.as_slice()).map_err(|_| ProxyProtocolError::Malformed)?;
    Ok(match (header.command, header.addresses) {
        (Command::Proxy, Addresses::IPv4(of)) => Some((of.source_address, of.source_port).into()),
        (Command::Proxy, Addresses::IPv6(of)) => Some((of.source_address, of.source_port).into()),
        (Command::Proxy, Addresses::Unix(_) | Addresses::Unspecified) | (Command::Local, _) => None,
    })
}

#[cfg(test)]
mod tests {
    use ppp::v2::{Builder, Protocol, Version};
    use tokio::io::AsyncWriteExt as _;

    use super::super::networks;
    use super::*;

    const BALANCER: &str = "10.0.0.1:4000";

    fn protocol() -> ProxyProtocol {
        ProxyProtocol::new(networks("10.0.0.0/8").unwrap())
    }

    fn header(command: Command, source: &str) -> Vec<u8> {
        let ends: (SocketAddr, SocketAddr) = (source.parse().unwrap(), source.parse().unwrap());
        Builder::with_addresses(Version::Two | command, Protocol::Stream, ends).build().unwrap()
    }

    async fn accept_all(first: &[u8], peer: &str) -> Result<(SocketAddr, Vec<u8>), ProxyProtocolError> {
        let (mut client, mut server) = tokio::io::duplex(8_192);
        client.write_all(first).await.unwrap();
        client.write_all(b"PRI").await.unwrap();
        drop(client);
        let remote = protocol().read(&mut server, peer.parse().unwrap()).await?;
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        Ok((remote, rest))
    }

    /// Accepts a connection that starts with these bytes, and checks the three bytes after the header.
    async fn accept(first: &[u8], peer: &str) -> Result<SocketAddr, ProxyProtocolError> {
        let (remote, rest) = accept_all(first, peer).await?;
        assert_eq!(rest, b"PRI", "the bytes after the header are still unread");
        Ok(remote)
    }

    #[tokio::test]
    async fn trusted_proxy_names_the_caller() {
        for source in ["198.51.100.7:4711", "[2001:db8::7]:4711"] {
            let remote = accept(&header(Command::Proxy, source), BALANCER).await.unwrap();
            assert_eq!(remote, source.parse().unwrap());
        }
        let own = accept(&header(Command::Local, "198.51.100.7:4711"), BALANCER).await.unwrap();
        assert_eq!(own, BALANCER.parse().unwrap(), "a health check of the balancer");
    }

    #[tokio::test]
    async fn header_of_an_untrusted_peer_is_not_read() {
        let header = header(Command::Proxy, "198.51.100.7:4711");
        let (remote, rest) = accept_all(&header, "192.0.2.1:4000").await.unwrap();
        assert_eq!(remote, "192.0.2.1:4000".parse().unwrap());
        assert_eq!(rest.len(), header.len() + 3, "the header is left for HTTP/2, which refuses it");
    }

    #[tokio::test]
    async fn malformed_long_and_short_headers_are_refused() {
        let good = header(Command::Proxy, "198.51.100.7:4711");
        let mut long = good.clone();
        long[14..16].copy_from_slice(&[0xff, 0xff]);
        let mut version = good.clone();
        version[12] = 0x31;
        assert!(matches!(accept(&long, BALANCER).await, Err(ProxyProtocolError::TooLong)));
        assert!(matches!(accept(&version, BALANCER).await, Err(ProxyProtocolError::Malformed)));
        for bytes in [&b"PRI * HTTP/2.0\r\n\r\n"[..], b"PROXY TCP4 198.51.100.7 10.0.0.1 1 2\r\n"] {
            assert!(matches!(accept(bytes, BALANCER).await, Err(ProxyProtocolError::Malformed)));
        }
        assert!(matches!(accept(&good[..20], BALANCER).await, Err(ProxyProtocolError::Io(_))), "a header cut short");
    }

    #[tokio::test(start_paused = true)]
    async fn silent_peer_is_refused_after_a_while() {
        let (_client, mut server) = tokio::io::duplex(64);
        let refused = protocol().read(&mut server, BALANCER.parse().unwrap()).await;
        assert!(matches!(refused, Err(ProxyProtocolError::Late)));
    }
}
