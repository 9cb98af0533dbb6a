//! Who is in the cluster: where each process is met, and which of them this one is.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The most processes that a cluster may have: a connection between any two is too much beyond this.
const MOST: usize = 64;

/// The place at which a process is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Address {
    /// Whether nobody but this machine can be there.
    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Where a process that is met here listens: at the address, if it is one; a name may be one of a machine that does
    /// not have its address itself, so there it is all of the machine's.
    pub(crate) fn to_bind(&self) -> SocketAddr {
        let named =
            if self.host == "localhost" { Some(IpAddr::from([127, 0, 0, 1])) } else { self.ip() };
        SocketAddr::new(named.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), self.port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// What is wrong with a list of hosts, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongHosts {
    /// An entry is no address.
    #[error(
        "{0:?} is no HOST:PORT: write it like 10.0.0.1:2101, [fd00::1]:2101 or node-0.panel:2101"
    )]
    NoAddress(String),
    /// There is nobody.
    #[error(
        "there are no hosts: name every process of the cluster, this one too, in the same order everywhere"
    )]
    Nobody,
    /// There are too many.
    #[error("{0} processes are more than the {MOST} that may work together")]
    TooMany(usize),
    /// One is there twice.
    #[error("{0} is there twice: each process has an address of its own")]
    Twice(Address),
    /// The index is beyond the list.
    #[error("there is no process {index} among {count}: they count from 0")]
    NoIndex {
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The host's name ends in no number.
    #[error(
        "which of the hosts is this one? Its name, {0:?}, ends in no number as those of a StatefulSet do: say --index"
    )]
    NoOrdinal(String),
}

/// Every process of a cluster, in the order that all of them are told, and which of them this one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    all: Vec<Address>,
    index: usize,
}

impl Hosts {
    /// Hosts from entries as people write them; `index` counts from 0.
    ///
    /// # Errors
    /// If they are no cluster.
    pub fn new<'a>(
        entries: impl IntoIterator<Item = &'a str>,
        index: usize,
    ) -> Result<Hosts, WrongHosts> {
        let entries = entries.into_iter().map(str::trim).filter(|entry| !entry.is_empty());
        let all = entries.map(address).collect::<Result<Vec<_>, _>>()?;
        match all.len() {
            0 => return Err(WrongHosts::Nobody),
            count if count > MOST => return Err(WrongHosts::TooMany(count)),
            count if index >= count => return Err(WrongHosts::NoIndex { index, count }),
            _ => {}
        }
        for (at, address) in all.iter().enumerate() {
            if all[..at].contains(address) {
                return Err(WrongHosts::Twice(address.clone()));
            }
        }
        Ok(Hosts { all, index })
    }

    /// How many processes there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Which of them this one is.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Where process `index` is met.
    ///
    /// # Panics
    /// If there is none.
    pub fn of(&self, index: usize) -> &Address {
        &self.all[index]
    }

    /// Whether all of them are on this machine.
    pub fn are_loopback(&self) -> bool {
        self.all.iter().all(Address::is_loopback)
    }
}

fn address(entry: &str) -> Result<Address, WrongHosts> {
    let wrong = || WrongHosts::NoAddress(entry.to_owned());
    let (host, port) = entry.rsplit_once(':').ok_or_else(wrong)?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    // An IPv6 address without brackets would lose its last group to the port.
    if host.is_empty() || (bracketed.is_none() && host.contains([':', '[', ']'])) {
        return Err(wrong());
    }
    let host = bracketed.unwrap_or(host).to_owned();
    let port: u16 = port.parse().map_err(|_| wrong())?;
    if port == 0 || host.chars().any(char::is_whitespace) {
        Err(wrong())
    } else {
        Ok(Address { host, port })
    }
}

/// The entries of a headless service of `count` pods: `NAME-I.NAME:PORT` if `service` is `NAME:PORT`, or whatever
/// `service` says with `{}` for the number.
pub fn of_service(service: &str, count: usize) -> Vec<String> {
    let pattern = match service.contains("{}") {
        true => service.to_owned(),
        false => {
            // `panel.ns.svc:2101` has the pods `panel-0.panel.ns.svc:2101`, …
            let first = service.split(['.', ':']).next().unwrap_or(service);
            format!("{first}-{{}}.{service}")
        }
    };
    (0..count).map(|index| pattern.replace("{}", &index.to_string())).collect()
}

/// The index that a StatefulSet gives its pods: the number at the end of their host name.
///
/// # Errors
/// If there is none.
pub fn ordinal(host: &str) -> Result<usize, WrongHosts> {
    let name = host.split('.').next().unwrap_or(host);
    let number = name.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    number.ok_or_else(|| WrongHosts::NoOrdinal(host.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entries: &[&str], index: usize, expected: Result<&[&str], &str>) {
        let hosts = Hosts::new(entries.iter().copied(), index);
        match (hosts, expected) {
            (Ok(hosts), Ok(expected)) => {
                let found: Vec<String> =
                    (0..hosts.count()).map(|at| hosts.of(at).to_string()).collect();
                assert_eq!(
                    (found, hosts.index()),
                    (expected.iter().map(|e| (*e).to_owned()).collect(), index)
                );
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (hosts, expected) => panic!("{hosts:?} {expected:?}"),
        }
    }

    #[test]
    fn hosts_are_read_as_people_write_them() {
        check(&["a:1", " b:2 ", "", "[fd00::1]:3"], 2, Ok(&["a:1", "b:2", "[fd00::1]:3"]));
        check(&["a:1"], 1, Err("no process 1 among 1"));
        check(&[""], 0, Err("no hosts"));
        check(&["a:1", "b:2", "a:1"], 0, Err("a:1 is there twice"));
        for wrong in ["a", "a:0", "a:b", ":1", "fd00::1", "fd00::1:2101", "a b:1", "a:65536"] {
            check(&[wrong], 0, Err("is no HOST:PORT"));
        }
        let many: Vec<String> = (1..=65).map(|port| format!("a:{port}")).collect();
        check(&many.iter().map(String::as_str).collect::<Vec<_>>(), 0, Err("more than the 64"));
    }

    #[test]
    fn a_service_has_its_pods_and_a_pod_its_number() {
        assert_eq!(
            of_service("panel.ns.svc:2101", 2),
            ["panel-0.panel.ns.svc:2101", "panel-1.panel.ns.svc:2101"]
        );
        assert_eq!(of_service("node{}.lan:9", 2), ["node0.lan:9", "node1.lan:9"]);
        assert_eq!(ordinal("panel-12.panel.ns.svc"), Ok(12));
        assert!(ordinal("laptop").is_err() && ordinal("web-a").is_err());
    }

    #[test]
    fn only_this_machine_is_loopback_and_a_name_may_be_anybody() {
        let of = |entries: &[&str]| Hosts::new(entries.iter().copied(), 0).unwrap();
        assert!(of(&["127.0.0.1:1", "[::1]:2", "localhost:3"]).are_loopback());
        assert!(!of(&["127.0.0.1:1", "node-1:2"]).are_loopback());
        assert_eq!(of(&["10.0.0.1:5"]).of(0).to_bind(), "10.0.0.1:5".parse().unwrap());
        assert_eq!(of(&["localhost:5"]).of(0).to_bind(), "127.0.0.1:5".parse().unwrap());
        assert_eq!(of(&["node-1:5"]).of(0).to_bind(), "[::]:5".parse().unwrap());
    }
}
