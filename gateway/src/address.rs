//! Where a request comes from: the other end of the connection, or whom a reverse proxy there says it passes on.

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use std::net::{IpAddr, SocketAddr};

/// The header in which a proxy names whom it passes on, last.
const FORWARDED: &str = "x-forwarded-for";

/// The other end of a connection, whatever it is spoken over.
#[derive(Clone, Copy, Debug)]
pub struct Peer(SocketAddr);

impl Peer {
    /// The other end's address.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self(address)
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub IpAddr);

impl Address {
    /// That of a request. What it says of itself counts only if it comes through one of these proxies, or one on this
    /// machine, and then only the last entry: those before it anybody can write.
    pub fn of(headers: &HeaderMap, extensions: &Extensions, proxies: &[IpAddr]) -> Option<Self> {
        let ConnectInfo(Peer(peer)) = extensions.get::<ConnectInfo<Peer>>()?;
        let peer = peer.ip().to_canonical();
        let told = || {
            let last = headers.get_all(FORWARDED).iter().next_back()?;
            let last = last.to_str().ok()?.rsplit(',').next()?;
            last.trim().parse().ok()
        };
        let proxy = peer.is_loopback() || proxies.contains(&peer);
        let told = if proxy { told() } else { None };
        Some(Self(told.unwrap_or(peer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for entry in forwarded {
            headers.append(FORWARDED, entry.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        extensions.insert(ConnectInfo(Peer(peer)));
        let proxies = ["10.0.0.1".parse().unwrap()];
        let address = Address::of(&headers, &extensions, &proxies).unwrap();
        address.0.to_string()
    }

    #[test]
    fn a_proxy_alone_is_believed_and_only_its_own_word() {
        assert_eq!(of("192.0.2.7", &[]), "192.0.2.7");
        assert_eq!(of("192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
        for proxy in ["127.0.0.1", "::1", "10.0.0.1", "::ffff:10.0.0.1"] {
            assert_eq!(of(proxy, &["198.51.100.1"]), "198.51.100.1");
            assert_eq!(of(proxy, &["203.0.113.9, 198.51.100.1"]), "198.51.100.1");
            assert_eq!(of(proxy, &["203.0.113.9", "2001:db8::1"]), "2001:db8::1");
        }
        assert_eq!(of("10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
    }
}
