//! The places a server may be found at: the `host`, `hostaddr` and `port` lists, taken apart and paired.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use super::conninfo_error::ConnInfoError;
use super::settings::Settings;

const DEFAULT_PORT: u16 = 5432;

/// Where servers put their socket: Debian's and Red Hat's place, then the one of PostgreSQL's own sources.
const SOCKET_DIRECTORIES: &[&str] = &["/var/run/postgresql", "/tmp"];

/// One place to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub address: Address,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A name to be resolved, or an address in text.
    Host(String),
    /// An address that needs no resolving, and the name the server's certificate is held against.
    Ip { address: IpAddr, name: Option<String> },
    /// The directory of a Unix socket.
    Socket(PathBuf),
}

impl Endpoint {
    /// The name the user gave the server, for its certificate.
    pub(super) fn server_name(&self) -> Option<&str> {
        match &self.address {
            Address::Host(name) => Some(name),
            Address::Ip { name, .. } => name.as_deref(),
            Address::Socket(_) => None,
        }
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self.address, Address::Socket(_))
    }

    /// What the endpoint goes by in a password file. libpq knows a socket in its default directory as `localhost`
    /// and any other by the directory; which one is the default depends on the package, so both names serve.
    pub(super) fn names_in_password_file(&self) -> Vec<String> {
        match &self.address {
            Address::Host(name) => vec![name.clone()],
            Address::Ip { address, name } => vec![name.clone().unwrap_or_else(|| address.to_string())],
            Address::Socket(directory) => {
                let directory = directory.display().to_string();
                let is_default = SOCKET_DIRECTORIES.contains(&directory.as_str());
                std::iter::once(directory)
                    .chain(is_default.then(|| "localhost".to_owned()))
                    .collect()
            }
        }
    }

    /// This endpoint's part of the `host`, `hostaddr` and `port` lists.
    pub(super) fn list_items(&self) -> (String, String, String) {
        let (host, hostaddr) = match &self.address {
            Address::Host(name) => (name.clone(), String::new()),
            Address::Ip { address, name } => (name.clone().unwrap_or_default(), address.to_string()),
            Address::Socket(directory) => (directory.display().to_string(), String::new()),
        };
        (host, hostaddr, self.port.to_string())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.address {
            Address::Host(name) if name.parse::<Ipv6Addr>().is_ok() => write!(f, "[{name}]:{port}"),
            Address::Host(name) | Address::Ip { name: Some(name), .. } => write!(f, "{name}:{port}"),
            Address::Ip {
                address: IpAddr::V6(address),
                ..
            } => write!(f, "[{address}]:{port}"),
            Address::Ip { address, .. } => write!(f, "{address}:{port}"),
            Address::Socket(directory) => write!(f, "{}/.s.PGSQL.{port}", directory.display()),
        }
    }
}

/// All endpoints, in the order they are to be tried.
pub(super) fn list(settings: &Settings) -> Result<Vec<Endpoint>, ConnInfoError> {
    let (hosts, addresses, ports) = (
        items(settings, "host"),
        items(settings, "hostaddr"),
        items(settings, "port"),
    );
    let count = if addresses.is_empty() {
        hosts.len().max(1)
    } else {
        addresses.len()
    };
    if !addresses.is_empty() && !hosts.is_empty() && addresses.len() != hosts.len() {
        let problem = format!("names {} addresses for {} hosts", addresses.len(), hosts.len());
        return Err(settings.invalid("hostaddr", problem));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(settings.invalid("port", format!("names {} ports for {count} hosts", ports.len())));
    }

    let mut endpoints = Vec::new();
    for index in 0..count {
        let port = if ports.len() > 1 {
            ports[index]
        } else {
            ports.first().copied().unwrap_or_default()
        };
        let port = read_port(port).ok_or_else(|| settings.invalid("port", "must be between 1 and 65535"))?;
        let host = hosts.get(index).copied().unwrap_or_default();
        let address = addresses.get(index).copied().unwrap_or_default();

        if !address.is_empty() {
            let address = address.parse().map_err(|_| {
                settings.invalid("hostaddr", "must be an IP address; a name belongs in `host`")
            })?;
            let name = Some(host).filter(|name| !name.is_empty()).map(str::to_owned);
            endpoints.push(Endpoint {
                address: Address::Ip { address, name },
                port,
            });
        } else if host.starts_with('/') {
            endpoints.push(Endpoint {
                address: Address::Socket(PathBuf::from(host)),
                port,
            });
        } else if host.contains('@') {
            return Err(settings.invalid("host", "has an `@`; sockets without a file are not supported"));
        } else if !host.is_empty() {
            endpoints.push(Endpoint {
                address: Address::Host(host.to_owned()),
                port,
            });
        } else if count > 1 {
            // libpq would try a local socket here; a list with a hole is far more often a variable that got lost.
            return Err(settings.invalid("host", format!("is empty for server {} of {count}", index + 1)));
        } else {
            endpoints.extend(SOCKET_DIRECTORIES.iter().map(|directory| Endpoint {
                address: Address::Socket(PathBuf::from(directory)),
                port,
            }));
        }
    }
    Ok(endpoints)
}

fn items<'a>(settings: &'a Settings, keyword: &str) -> Vec<&'a str> {
    settings
        .text(keyword)
        .map(|list| list.split(',').map(str::trim).collect())
        .unwrap_or_default()
}

fn read_port(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(DEFAULT_PORT);
    }
    text.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::super::environment::Env;
    use super::*;

    fn listed(conninfo: &str) -> Result<Vec<Endpoint>, ConnInfoError> {
        list(&Settings::gather(Some(conninfo), &Env::new(&|_| None))?)
    }

    fn shown(conninfo: &str) -> Vec<String> {
        listed(conninfo)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn hosts_and_ports_are_paired() {
        assert_eq!(shown("host=a"), ["a:5432"]);
        assert_eq!(shown("host=a,b port=1"), ["a:1", "b:1"]);
        assert_eq!(shown("host=a,b,c port=1,,3"), ["a:1", "b:5432", "c:3"]);
        assert_eq!(shown("postgres://a,b:2/"), ["a:5432", "b:2"]);
        assert_eq!(shown("host=::1 port=9"), ["[::1]:9"]);
        assert_eq!(shown("hostaddr=::1,10.0.0.1"), ["[::1]:5432", "10.0.0.1:5432"]);
        assert_eq!(shown("host=a hostaddr=10.0.0.1"), ["a:5432"]);
        assert_eq!(shown("host=/run/pg port=7"), ["/run/pg/.s.PGSQL.7"]);
    }

    #[test]
    fn without_a_host_the_usual_sockets_are_tried() {
        assert_eq!(
            shown("dbname=x"),
            ["/var/run/postgresql/.s.PGSQL.5432", "/tmp/.s.PGSQL.5432"]
        );
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        let refused = |conninfo: &str| listed(conninfo).unwrap_err().to_string();

        assert!(refused("host=a,b,c port=1,2").contains("2 ports for 3 hosts"));
        assert!(refused("host=a,b hostaddr=10.0.0.1").contains("1 addresses for 2 hosts"));
        assert!(refused("host=a,,c").contains("empty for server 2 of 3"));
        assert!(refused("hostaddr=localhost").contains("must be an IP address"));
        for port in ["0", "65536", "-1", "x", "5432x"] {
            assert!(
                refused(&format!("host=a port={port}")).contains("between 1 and 65535"),
                "{port}"
            );
        }
        let error = refused("postgres://app:s3cret/x");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_default_socket_is_localhost_to_the_password_file() {
        let names = |conninfo: &str| listed(conninfo).unwrap()[0].names_in_password_file();

        assert_eq!(names("dbname=x"), ["/var/run/postgresql", "localhost"]);
        assert_eq!(names("host=/srv/pg"), ["/srv/pg"]);
        assert_eq!(names("host=a hostaddr=10.0.0.1"), ["a"]);
        assert_eq!(names("hostaddr=10.0.0.1"), ["10.0.0.1"]);
    }
}
