//! The way to a destination: open, sent on, closed.
//!
//! **Reads** nothing of what comes back but whether it was taken.
//! **Gives** [`Road`], [`Options`], [`Refused`].
//! **Never** says that a parcel was taken before the other side could have it.

use std::io;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::destination::Destination;
use super::destination::Transport;
use super::file;
#[cfg(feature = "export")]
use super::http;
use super::parcel::Parcel;
use super::socket;
#[cfg(feature = "export")]
use super::tls;

/// What a way may need beside its destination.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The authorities that a server's certificate has to come from, in PEM; those of the system
    /// where it is left out.
    pub ca: Option<PathBuf>,
    /// A file of headers for HTTP, which may be secret: one `Name: value` a line.
    pub header_file: Option<PathBuf>,
}

/// The way to a destination.
pub struct Road<'a>(Kind<'a>);

enum Kind<'a> {
    Lines(&'a mut dyn Write),
    File(file::Lines),
    Datagram(socket::Datagram),
    Tcp(socket::Stream),
    #[cfg(feature = "export")]
    Tls(Box<tls::Stream>),
    #[cfg(feature = "export")]
    Http(Box<http::Receiver>),
}

/// What a destination did with a parcel that it took.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Events that it threw away.
    pub(super) rejected: u64,
    /// What it said about that.
    pub(super) said: String,
}

/// Why a parcel was not taken.
#[derive(Debug)]
pub(super) enum Refused {
    /// It may be taken later; `after` is what the destination asked for.
    ForNow {
        why: String,
        after: Option<Duration>,
    },
    /// It will never be taken.
    ForGood(String),
    /// A smaller one may be taken.
    #[cfg_attr(
        not(feature = "export"),
        expect(dead_code, reason = "only HTTP says so")
    )]
    TooLarge(String),
    /// The reader of standard output went away, or it is full.
    Output(io::Error),
}

impl Refused {
    /// For now, because of a fault of input or output.
    pub(super) fn by(fault: impl std::fmt::Display) -> Self {
        Self::ForNow {
            why: fault.to_string(),
            after: None,
        }
    }
}

impl std::fmt::Debug for Road<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Road")
    }
}

impl<'a> Road<'a> {
    /// Makes ready; a server is called when there is something for it.
    ///
    /// # Errors
    ///
    /// What has to be changed before anything can be sent: a file that cannot be written, a
    /// certificate that cannot be read.
    pub fn open(
        destination: &Destination,
        options: &Options,
        out: &'a mut dyn Write,
    ) -> Result<Self, String> {
        let kind = match destination {
            Destination::Stdout => Kind::Lines(out),
            Destination::File(path) => Kind::File(file::Lines::open(path)?),
            Destination::Local(path) => Kind::Datagram(socket::Datagram::local(path)),
            Destination::Syslog {
                transport,
                host,
                port,
            } => match transport {
                Transport::Udp => Kind::Datagram(socket::Datagram::to(host, *port)),
                Transport::Tcp => Kind::Tcp(socket::Stream::to(host, *port)),
                #[cfg(feature = "export")]
                Transport::Tls => {
                    let authorities = tls::authorities(options.ca.as_deref())?;
                    Kind::Tls(Box::new(tls::Stream::to(host, *port, authorities)?))
                }
                #[cfg(not(feature = "export"))]
                Transport::Tls => return Err(without(options)),
            },
            #[cfg(feature = "export")]
            Destination::Http(url) => Kind::Http(Box::new(http::Receiver::at(url, options)?)),
            #[cfg(not(feature = "export"))]
            Destination::Http(_) => return Err(without(options)),
        };
        Ok(Self(kind))
    }

    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<Taken, Refused> {
        let nothing = |()| Taken::default();
        match &mut self.0 {
            Kind::Lines(out) => lines(*out, parcel).map(nothing).map_err(Refused::Output),
            Kind::File(file) => file.send(parcel).map(nothing),
            Kind::Datagram(socket) => socket.send(parcel).map(nothing),
            Kind::Tcp(stream) => stream.send(parcel).map(nothing),
            #[cfg(feature = "export")]
            Kind::Tls(stream) => stream.send(parcel).map(nothing),
            #[cfg(feature = "export")]
            Kind::Http(receiver) => receiver.send(parcel),
        }
    }

    /// Says that nothing more comes, and waits a moment for the other side to have it all.
    pub(super) fn close(&mut self) -> Result<(), Refused> {
        match &mut self.0 {
            Kind::Tcp(stream) => stream.close(),
            #[cfg(feature = "export")]
            Kind::Tls(stream) => stream.close(),
            _ => Ok(()),
        }
    }
}

fn lines(out: &mut dyn Write, parcel: &Parcel) -> io::Result<()> {
    for message in &parcel.messages {
        writeln!(out, "{message}")?;
    }
    out.flush()
}

#[cfg(not(feature = "export"))]
fn without(_: &Options) -> String {
    "this program was built without TLS and HTTP: build it with `--features export`".to_owned()
}

/// How long one connection may take to come about, and one write or read to go on.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// How long the other side is given to close its end.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);
