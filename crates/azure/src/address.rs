//! Which addresses the client may talk to.
//!
//! An organization's address is typed by people; without a policy it could be pointed at the machine's own services or
//! a cloud's metadata endpoint. Public https is always allowed; anything else only where an administrator said so.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Public https everywhere; plain http and internal addresses only for origins an administrator allowed.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    origins: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

/// An address that the policy does not allow, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressRefused(String);

impl AddressPolicy {
    /// Only https, only public addresses.
    pub fn public_only() -> Self {
        Self::default()
    }

    /// Also allows this origin (scheme, host and port of `url`), whatever address its name has.
    #[must_use]
    pub fn allowing(mut self, url: &Url) -> Self {
        self.origins.insert(url.origin().ascii_serialization());
        if let Some(host) = url.host_str() {
            self.hosts.insert(host.to_ascii_lowercase());
        }
        self
    }

    /// Checks scheme, and the host where it is a literal address: a resolver is never asked for those.
    ///
    /// # Errors
    /// The address is not allowed; the text says why and names the origin.
    pub fn check(&self, url: &Url) -> Result<(), AddressRefused> {
        let origin = url.origin().ascii_serialization();
        if self.origins.contains(&origin) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(AddressRefused(format!(
                "{origin} is not https, and it is not among the addresses the administrator allowed"
            )));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(AddressRefused(format!("{url} names no host"))),
        };
        match literal {
            Some(address) if !is_public(address) => Err(AddressRefused(format!(
                "{address} is an internal address, and {origin} is not among the addresses the administrator allowed"
            ))),
            _ => Ok(()),
        }
    }

    /// Keeps of the addresses that `host` resolved to those that may be used.
    ///
    /// # Errors
    /// Every one of them is internal and the host is not allowed.
    pub fn keep_allowed<A: Into<IpAddr> + Copy>(
        &self,
        host: &str,
        addresses: Vec<A>,
    ) -> Result<Vec<A>, AddressRefused> {
        if self.hosts.contains(&host.to_ascii_lowercase()) {
            return Ok(addresses);
        }
        let found = addresses.len();
        let public: Vec<A> = addresses.into_iter().filter(|address| is_public((*address).into())).collect();
        if public.is_empty() && found > 0 {
            return Err(AddressRefused(format!(
                "{host} has only internal addresses, and it is not among those the administrator allowed"
            )));
        }
        Ok(public)
    }
}

/// Whether an address is reachable over the internet, and means the same everywhere.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))) // benchmarking
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low), // NAT64
        [0x2002, high, low, ..] => embedded(high, low),               // 6to4
        [0x2001, 0xdb8, ..] => false,                                 // documentation
        // 2000::/3 is all that is given out for the internet.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn public_https_is_allowed_and_plain_http_is_not() {
        let policy = AddressPolicy::public_only();
        assert!(policy.check(&url("https://dev.azure.com/org")).is_ok());
        assert!(policy.check(&url("http://dev.azure.com/org")).is_err());
    }

    #[test]
    fn internal_literal_addresses_are_refused_in_every_spelling() {
        let policy = AddressPolicy::public_only();
        for address in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:7f00:1::]/",
        ] {
            assert!(policy.check(&url(address)).is_err(), "{address}");
        }
        assert!(policy.check(&url("https://13.107.42.20/")).is_ok());
        assert!(policy.check(&url("https://[2620:1ec:c11::200]/")).is_ok());
    }

    #[test]
    fn an_allowed_origin_is_that_scheme_host_and_port_only() {
        let policy = AddressPolicy::public_only().allowing(&url("http://127.0.0.1:8080/tfs"));
        assert!(policy.check(&url("http://127.0.0.1:8080/other")).is_ok());
        assert!(policy.check(&url("http://127.0.0.1:8081/")).is_err());
        assert!(policy.check(&url("https://127.0.0.1:8080/")).is_err());
    }

    #[test]
    fn a_name_that_resolves_to_an_internal_address_is_refused_unless_allowed() {
        let internal: Vec<IpAddr> = vec!["192.168.0.7".parse().unwrap()];
        let mixed: Vec<IpAddr> = vec!["192.168.0.7".parse().unwrap(), "13.107.42.20".parse().unwrap()];
        let policy = AddressPolicy::public_only();
        assert!(policy.keep_allowed("rebound.example.com", internal.clone()).is_err());
        assert_eq!(policy.keep_allowed("mixed.example.com", mixed).unwrap().len(), 1);
        let policy = policy.allowing(&url("https://tfs.corp.example.com"));
        assert_eq!(policy.keep_allowed("TFS.corp.example.com", internal).unwrap().len(), 1);
    }
}
