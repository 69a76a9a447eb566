//! Syslog over datagrams and plain streams.
//!
//! **Reads** nothing but whether the other side is still there.
//! **Gives** [`Datagram`], [`Stream`], [`connect`].
//! **Never** waits without an end.

use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::TcpStream;
use std::net::ToSocketAddrs as _;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::path::PathBuf;

use rustix::io::Errno;

use super::parcel::Parcel;
use super::road::FAREWELL;
use super::road::PATIENCE;
use super::road::Refused;
use super::syslog;

/// One datagram a message.
#[derive(Debug)]
pub(super) struct Datagram {
    to: Address,
    open: Option<Open>,
}

#[derive(Debug)]
enum Address {
    Network(String, u16),
    Local(PathBuf),
}

#[derive(Debug)]
enum Open {
    Network(UdpSocket),
    Local(UnixDatagram),
}

impl Datagram {
    /// To a server (RFC 5426).
    pub(super) fn to(host: &str, port: u16) -> Self {
        Self {
            to: Address::Network(host.to_owned(), port),
            open: None,
        }
    }

    /// To a daemon on this machine.
    pub(super) fn local(path: &Path) -> Self {
        Self {
            to: Address::Local(path.to_owned()),
            open: None,
        }
    }

    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<(), Refused> {
        let sent = self.each(parcel);
        if sent.is_err() {
            self.open = None;
        }
        sent
    }

    fn each(&mut self, parcel: &Parcel) -> Result<(), Refused> {
        let socket = match self.open.take() {
            Some(open) => open,
            None => self.to.open().map_err(Refused::by)?,
        };
        for message in &parcel.messages {
            let sent = match &socket {
                Open::Network(socket) => socket.send(message.as_bytes()),
                Open::Local(socket) => socket.send(message.as_bytes()),
            };
            match sent {
                Ok(_) => {}
                Err(fault) if fault.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                    let length = message.len();
                    let why = format!(
                        "a message of {length} bytes is too long for a datagram here: set a smaller `--max-bytes`"
                    );
                    return Err(Refused::ForGood(why));
                }
                Err(fault) => return Err(Refused::by(fault)),
            }
        }
        self.open = Some(socket);
        Ok(())
    }
}

impl Address {
    fn open(&self) -> io::Result<Open> {
        match self {
            Self::Local(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_write_timeout(Some(PATIENCE))?;
                Ok(Open::Local(socket))
            }
            Self::Network(host, port) => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    let own = if address.is_ipv4() {
                        "0.0.0.0:0"
                    } else {
                        "[::]:0"
                    };
                    let made = UdpSocket::bind(own).and_then(|socket| {
                        socket.connect(address)?;
                        socket.set_write_timeout(Some(PATIENCE))?;
                        Ok(socket)
                    });
                    match made {
                        Ok(socket) => return Ok(Open::Network(socket)),
                        Err(fault) => last = fault,
                    }
                }
                Err(last)
            }
        }
    }
}

/// One stream, with the length before each message (RFC 6587 3.4.1).
#[derive(Debug)]
pub(super) struct Stream {
    host: String,
    port: u16,
    open: Option<TcpStream>,
}

impl Stream {
    pub(super) fn to(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            open: None,
        }
    }

    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<(), Refused> {
        let sent = self.each(parcel).map_err(Refused::by);
        if sent.is_err() {
            self.open = None;
        }
        sent
    }

    fn each(&mut self, parcel: &Parcel) -> io::Result<()> {
        // One that the other side has closed takes a write all the same, and loses it.
        let open = self.open.take();
        let mut stream = match open.filter(is_open) {
            Some(open) => open,
            None => connect(&self.host, self.port)?,
        };
        stream.write_all(&all(parcel))?;
        if !is_open(&stream) {
            return Err(closed());
        }
        self.open = Some(stream);
        Ok(())
    }

    /// The other side closes its end when it has read to ours. One that never does is believed.
    pub(super) fn close(&mut self) -> Result<(), Refused> {
        let Some(stream) = self.open.take() else {
            return Ok(());
        };
        stream.shutdown(Shutdown::Write).map_err(Refused::by)?;
        farewell(&stream).map_err(Refused::by)
    }
}

/// Connects to the first address that answers.
pub(super) fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

/// The whole parcel as it goes over a stream.
pub(super) fn all(parcel: &Parcel) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in &parcel.messages {
        bytes.extend_from_slice(syslog::framed(message).as_bytes());
    }
    bytes
}

/// Waits until the other side closes its end, for a while.
pub(super) fn farewell(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(FAREWELL))?;
    let mut ignored = [0; 256];
    for _ in 0..MOST_ANSWERS {
        match stream.read(&mut ignored) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(fault) if is_no_news(&fault) => return Ok(()),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn is_open(stream: &TcpStream) -> bool {
    let looked = stream.set_nonblocking(true).and_then(|()| {
        let mut byte = [0];
        stream.peek(&mut byte)
    });
    let blocking = stream.set_nonblocking(false).is_ok();
    let news = match looked {
        Ok(read) => read > 0,
        Err(fault) => is_no_news(&fault),
    };
    blocking && news
}

pub(super) fn is_no_news(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

pub(super) fn closed() -> io::Error {
    let what = "the other side closed the connection";
    io::Error::new(io::ErrorKind::ConnectionReset, what)
}

/// Reads of a server that answers where no answer is due.
const MOST_ANSWERS: usize = 64;
