//! The one constructor of HTTP clients: with time-outs, without redirects, and only to addresses that may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpOptions {
    /// For a connection, TLS included.
    pub connect_timeout: Duration,
    /// Between two pieces of an answer.
    pub read_timeout: Duration,
    /// For request and answer together; none where the caller keeps the time.
    pub timeout: Option<Duration>,
    /// Whether loopback, private and link-local addresses may be reached.
    pub allow_private: bool,
}

/// Why there is no client: mostly, the machine has no root certificates.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up HTTPS")]
pub struct HttpClientError(#[source] reqwest::Error);

/// Why a name leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    /// One of its addresses is not public.
    #[error("{host} has the private address {address}")]
    Private {
        /// The name that was looked up.
        host: String,
        /// The address that it stands for.
        address: IpAddr,
    },
    /// It has none.
    #[error("{0} has no address")]
    NoAddress(String),
}

/// A client that follows no redirect by itself. Names are resolved and checked here, and the connection is made to an
/// address that was checked, so a name that changes its address meanwhile gains nothing.
///
/// The process's rustls provider must have been installed.
///
/// # Errors
/// [`HttpClientError`].
#[expect(clippy::disallowed_methods, reason = "this is the one constructor")]
pub fn http_client(options: &HttpOptions) -> Result<reqwest::Client, HttpClientError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("earmark/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .dns_resolver(CheckedResolver { allow_private: options.allow_private });
    if let Some(timeout) = options.timeout {
        builder = builder.timeout(timeout);
    }
    builder.build().map_err(HttpClientError)
}

/// Resolves names by the system and refuses those with an address that may not be reached.
struct CheckedResolver {
    allow_private: bool,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if addresses.is_empty() {
                return Err(ResolveError::NoAddress(host).into());
            }
            // One private address is enough to refuse: which one is used is not ours to choose.
            if let Some(private) = addresses.iter().find(|address| !allow_private && !is_public(address.ip())) {
                return Err(ResolveError::Private { host, address: private.ip() }.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// Networks that are not the public Internet's. <https://www.iana.org/assignments/iana-ipv4-special-registry> and
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
static NOT_PUBLIC: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let networks = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        // The first holds the unspecified address, loopback and the long-abandoned embedded IPv4.
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ];
    networks.iter().map(|network| network.parse().expect("a network written above")).collect()
});

/// Whether `address` is one of the public Internet: not loopback, private, link-local, shared (where clouds keep their
/// metadata services), multicast or reserved, nor an IPv6 spelling of one of these.
pub(crate) fn is_public(address: IpAddr) -> bool {
    let embedded = match address {
        IpAddr::V6(v6) => embedded_v4(v6),
        IpAddr::V4(_) => None,
    };
    let address = embedded.map_or(address, IpAddr::V4);
    !NOT_PUBLIC.iter().any(|network| network.contains(&address))
}

/// The IPv4 address that a mapped, NAT64 or 6to4 address leads to.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(v4(high, low))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        let cases = [
            ("8.8.8.8", true),
            ("172.32.0.1", true),
            ("2606:4700::1111", true),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::808:808", true),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.31.255.255", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("100.100.100.200", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::7f00:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("2002:7f00:1::", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_public(text.parse().unwrap()), expected, "{text}");
        }
    }
}
