//! What the address of a target stands for, looked up beside a run.
//!
//! **Reads** the name service, for a name.
//! **Gives** [`LookUp`].
//! **Never** makes anybody wait: it is for the record, and `ssh` looks for itself.

use std::net::IpAddr;
use std::net::ToSocketAddrs as _;
use std::sync::mpsc;
use std::thread;

use crate::target::Host;

/// What an address stands for, as soon as it is known.
#[derive(Debug)]
pub enum LookUp {
    /// It is known.
    Known(IpAddr),
    /// The name service was asked.
    Asked(mpsc::Receiver<Option<IpAddr>>),
}

impl LookUp {
    /// Begins to look up a host. An IP address stands for itself.
    pub fn of(host: &Host) -> Self {
        if let Ok(address) = host.address().parse::<IpAddr>() {
            return Self::Known(address);
        }
        let (tell, told) = mpsc::channel();
        let name = (host.address().to_owned(), host.port());
        thread::spawn(move || {
            let found = name.to_socket_addrs().ok().and_then(|mut all| all.next());
            // Whoever asked may have stopped waiting.
            let _ = tell.send(found.map(|found| found.ip()));
        });
        Self::Asked(told)
    }

    /// The address, if it is known by now.
    pub fn found(self) -> Option<IpAddr> {
        match self {
            Self::Known(address) => Some(address),
            Self::Asked(told) => told.try_recv().ok().flatten(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(address: &str) -> Host {
        Host::new(address, 22, "aiops").unwrap()
    }

    #[test]
    fn an_address_stands_for_itself() {
        let found = LookUp::of(&host("192.0.2.7")).found();
        assert_eq!(found, Some(IpAddr::from([192, 0, 2, 7])));
    }

    #[test]
    fn a_name_is_looked_up_beside_and_nobody_waits_for_it() {
        let LookUp::Asked(told) = LookUp::of(&host("localhost")) else {
            panic!("a name is no address")
        };
        let found = told.recv().unwrap();
        assert!(found.is_some_and(|found| found.is_loopback()));
        let (_tell, told) = mpsc::channel();
        assert_eq!(LookUp::Asked(told).found(), None);
    }
}
