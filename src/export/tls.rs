//! Syslog within TLS (RFC 5425).
//!
//! **Reads** certificates.
//! **Gives** [`Stream`], [`authorities`], [`provider`].
//! **Never** speaks to a server whose certificate or name it cannot check.

use std::io;
use std::io::Write as _;
use std::net::Shutdown;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;

use super::parcel::Parcel;
use super::road::Refused;
use super::socket;

/// One stream within TLS.
pub(super) struct Stream {
    host: String,
    port: u16,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    open: Option<StreamOwned<ClientConnection, TcpStream>>,
}

impl Stream {
    pub(super) fn to(
        host: &str,
        port: u16,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Result<Self, String> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("`{host}` is no name that a certificate could have"))?;
        let mut roots = RootCertStore::empty();
        let (good, _) = roots.add_parsable_certificates(authorities);
        if good == 0 {
            return Err("none of the authorities' certificates can be used".to_owned());
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|fault| fault.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            host: host.to_owned(),
            port,
            name,
            config: Arc::new(config),
            open: None,
        })
    }

    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<(), Refused> {
        let sent = self.each(parcel).map_err(|fault| refused(&fault));
        if sent.is_err() {
            self.open = None;
        }
        sent
    }

    fn each(&mut self, parcel: &Parcel) -> io::Result<()> {
        let open = self.open.take();
        let open = open.and_then(|mut open| is_open(&mut open).then_some(open));
        let mut stream = match open {
            Some(open) => open,
            None => self.connect()?,
        };
        stream.write_all(&socket::all(parcel))?;
        stream.flush()?;
        if !is_open(&mut stream) {
            return Err(socket::closed());
        }
        self.open = Some(stream);
        Ok(())
    }

    fn connect(&self) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let mut plain = socket::connect(&self.host, self.port)?;
        let mut connection = ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut plain)?;
        }
        Ok(StreamOwned::new(connection, plain))
    }

    pub(super) fn close(&mut self) -> Result<(), Refused> {
        let Some(mut stream) = self.open.take() else {
            return Ok(());
        };
        stream.conn.send_close_notify();
        stream.flush().map_err(Refused::by)?;
        stream.sock.shutdown(Shutdown::Write).map_err(Refused::by)?;
        socket::farewell(&stream.sock).map_err(Refused::by)
    }
}

/// Takes in what the other side said, and says whether it is still there.
fn is_open(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> bool {
    if stream.sock.set_nonblocking(true).is_err() {
        return false;
    }
    let news = loop {
        match stream.conn.read_tls(&mut stream.sock) {
            Ok(0) => break false,
            Ok(_) => match stream.conn.process_new_packets() {
                Ok(state) if state.peer_has_closed() => break false,
                Ok(_) => {}
                Err(_) => break false,
            },
            Err(fault) => break socket::is_no_news(&fault),
        }
    };
    stream.sock.set_nonblocking(false).is_ok() && news
}

/// A certificate that cannot be believed does not become better by waiting.
fn refused(fault: &io::Error) -> Refused {
    let inner = fault.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => Refused::ForGood(distrust(why)),
        _ => Refused::by(fault),
    }
}

/// What to say of a certificate that cannot be believed.
pub(super) fn distrust(why: &rustls::CertificateError) -> String {
    format!(
        "its certificate cannot be believed ({why:?}): name its authority by `--ca FILE`, and the server as its certificate does"
    )
}

/// Reads the certificates of authorities: those in a file, or those that the system trusts.
pub(super) fn authorities(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let path = match file {
        Some(path) => path,
        None => SYSTEM
            .iter()
            .map(Path::new)
            .find(|path| path.exists())
            .ok_or("this system has no bundle of authorities: name one by `--ca FILE`")?,
    };
    let shown = path.display();
    let failed = |why: &dyn std::fmt::Display| format!("cannot read `{shown}`: {why}");
    let found = CertificateDer::pem_file_iter(path)
        .map_err(|fault| failed(&fault))?
        .collect::<Result<Vec<_>, _>>()
        .map_err(|fault| failed(&fault))?;
    if found.is_empty() {
        return Err(failed(&"it holds no certificate in PEM"));
    }
    Ok(found)
}

/// The cryptography that HTTP uses too.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Where distributions keep the authorities they trust: Debian's, Red Hat's, Alpine's.
const SYSTEM: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
