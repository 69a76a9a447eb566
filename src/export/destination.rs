//! Where events go.
//!
//! **Reads** nothing.
//! **Gives** [`Destination`], from the words on the command line.
//! **Never** takes a password from there: everybody on the machine can read it.

use std::fmt;
use std::path::PathBuf;

use super::Format;

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output, a line each.
    Stdout,
    /// A file that is appended to, a line each.
    File(PathBuf),
    /// A syslog server.
    Syslog {
        /// How it is spoken to.
        transport: Transport,
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A syslog daemon on this machine, by its socket.
    Local(PathBuf),
    /// An OTLP receiver.
    Http(String),
}

/// How a syslog server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram a message (RFC 5426).
    Udp,
    /// One stream, with the length before each message (RFC 6587).
    Tcp,
    /// The same within TLS (RFC 5425).
    Tls,
}

impl Destination {
    /// Understands what stands behind `--to`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for the person who typed it; what may be a password is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdout);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            if text.is_empty() || text.starts_with("syslog") {
                return Err(KINDS.to_owned());
            }
            return Ok(Self::File(PathBuf::from(text)));
        };
        let transport = match scheme {
            "syslog+udp" => Transport::Udp,
            "syslog+tcp" => Transport::Tcp,
            "syslog+tls" => Transport::Tls,
            "syslog+unix" if rest.starts_with('/') => return Ok(Self::Local(PathBuf::from(rest))),
            "syslog+unix" => {
                return Err("write `syslog+unix://` and the whole path of a socket, as in `syslog+unix:///dev/log`".to_owned());
            }
            "http" | "https" => return http(scheme, rest),
            _ => return Err(KINDS.to_owned()),
        };
        let (host, port) = host_and_port(rest.trim_end_matches('/')).ok_or_else(|| {
            format!("write `{scheme}://HOST:PORT`; an IPv6 address stands in brackets")
        })?;
        Ok(Self::Syslog {
            transport,
            host,
            port: port.unwrap_or(transport.port()),
        })
    }

    /// Whether events of this format can go there.
    ///
    /// # Errors
    ///
    /// Why they cannot, and what can.
    pub fn takes(&self, format: Format) -> Result<(), String> {
        match (self, format) {
            (Self::Http(_), Format::Otlp) => Ok(()),
            (Self::Http(_), _) => Err(format!(
                "over HTTP only `--format otlp` is sent; `{}` goes to a file, to standard output or to syslog",
                format.word()
            )),
            (Self::Syslog { .. } | Self::Local(_), Format::Otlp) => Err(
                "OTLP is no syslog: send it to `http(s)://HOST:4318/v1/logs`, to a file or to standard output"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// Whether what was sent may be lost without anybody knowing.
    pub fn is_unacknowledged(&self) -> bool {
        matches!(self, Self::Syslog { .. } | Self::Local(_))
    }

    /// Whether a message there is one datagram.
    pub fn is_datagram(&self) -> bool {
        let udp = Transport::Udp;
        matches!(self, Self::Syslog { transport, .. } if *transport == udp)
            || matches!(self, Self::Local(_))
    }

    /// Whether a message there is one of syslog.
    pub fn is_syslog(&self) -> bool {
        matches!(self, Self::Syslog { .. } | Self::Local(_))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) | Self::Local(path) => write!(f, "`{}`", path.display()),
            Self::Syslog {
                transport,
                host,
                port,
            } => write!(f, "`{host}` port {port} ({})", transport.word()),
            Self::Http(url) => write!(f, "`{url}`"),
        }
    }
}

impl Transport {
    /// The port where none is named: of RFC 5426, of RFC 3195 by common use, of RFC 5425.
    fn port(self) -> u16 {
        match self {
            Self::Udp => 514,
            Self::Tcp => 601,
            Self::Tls => 6514,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

fn http(scheme: &str, rest: &str) -> Result<Destination, String> {
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if authority.contains('@') {
        return Err("leave name and password out of the address: everybody on this machine can read it; put them into a file for `--header-file`".to_owned());
    }
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if host_and_port(authority).is_none() || rest.contains(odd) {
        return Err(format!("write `{scheme}://HOST:PORT/v1/logs`"));
    }
    // The base address of a receiver is what most people have.
    let path = if path.is_empty() || path == "/" {
        "/v1/logs"
    } else {
        path
    };
    Ok(Destination::Http(format!("{scheme}://{authority}{path}")))
}

/// The host without its brackets, and the port where one is there.
pub(super) fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            let port = match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':')?),
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
    if host.is_empty() || !host.chars().all(good) {
        return None;
    }
    let port = match port {
        None => None,
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
    };
    Some((host.to_owned(), port))
}

const KINDS: &str = "it goes to `-` (standard output), to a file by its path, to `syslog+udp://HOST:514`, `syslog+tcp://HOST:601`, `syslog+tls://HOST:6514`, `syslog+unix:///dev/log`, or to `http(s)://HOST:4318/v1/logs`";

#[cfg(test)]
mod tests {
    use super::*;

    fn syslog(transport: Transport, host: &str, port: u16) -> Destination {
        Destination::Syslog {
            transport,
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn every_kind_of_destination_is_understood() {
        let good = [
            ("-", Destination::Stdout),
            ("out.jsonl", Destination::File("out.jsonl".into())),
            ("/var/x", Destination::File("/var/x".into())),
            ("syslog+udp://siem", syslog(Transport::Udp, "siem", 514)),
            (
                "syslog+tcp://siem:1514",
                syslog(Transport::Tcp, "siem", 1514),
            ),
            ("syslog+tls://[::1]:9", syslog(Transport::Tls, "::1", 9)),
            ("syslog+tls://[::1]", syslog(Transport::Tls, "::1", 6514)),
            (
                "syslog+unix:///dev/log",
                Destination::Local("/dev/log".into()),
            ),
            (
                "http://a:4318",
                Destination::Http("http://a:4318/v1/logs".into()),
            ),
            ("https://a/", Destination::Http("https://a/v1/logs".into())),
            ("https://a/x?y", Destination::Http("https://a/x?y".into())),
        ];
        for (text, expected) in good {
            assert_eq!(Destination::parse(text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in [
            "",
            "syslog",
            "syslog:host",
            "ftp://host",
            "syslog+sctp://host",
            "syslog+udp://",
            "syslog+udp://:514",
            "syslog+udp://host:",
            "syslog+udp://host:0",
            "syslog+udp://host:99999",
            "syslog+udp://ho st",
            "syslog+udp://user@host",
            "syslog+tcp://::1:601",
            "syslog+tcp://[::1",
            "syslog+tcp://[host]:601",
            "syslog+unix://dev/log",
            "http://",
            "http://a b/",
            "http://a/b\nc",
            "https://host:x/",
        ] {
            assert!(Destination::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let said = Destination::parse("https://me:secret@host/").unwrap_err();
        assert!(
            said.contains("--header-file") && !said.contains("secret"),
            "{said}"
        );
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        let to = |text| Destination::parse(text).unwrap();
        for format in [Format::Ecs, Format::Ocsf, Format::Cef, Format::Rfc5424] {
            assert!(to("http://host").takes(format).is_err());
            assert!(to("syslog+udp://host").takes(format).is_ok());
            assert!(to("-").takes(format).is_ok());
        }
        for text in ["syslog+udp://h", "syslog+tls://h", "syslog+unix:///dev/log"] {
            assert!(to(text).takes(Format::Otlp).is_err());
        }
        assert!(to("http://host").takes(Format::Otlp).is_ok());
        assert!(to("file").takes(Format::Otlp).is_ok());
    }
}
