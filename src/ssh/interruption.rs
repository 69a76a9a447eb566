//! Hears the signals that ask this program to stop, for whoever waits while nothing runs.
//!
//! **Reads** nothing.
//! **Gives** [`Interruptions`], [`Interruption`].
//! **Never** ends this process by itself, and from its first use on no such signal does.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;
use tokio::time::timeout;

use super::Error;
use super::runtime;
use super::watch::Signals;

/// Ears for SIGINT, SIGTERM, SIGHUP and SIGQUIT.
#[derive(Debug)]
pub struct Interruptions {
    runtime: Runtime,
    signals: Signals,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interruption {
    /// SIGINT: to leave what is going on.
    Leave,
    /// SIGTERM, SIGHUP, SIGQUIT: to end this program.
    End,
}

impl Interruptions {
    /// Hears from now on; what comes before anybody asks is kept. A run hears the same signals
    /// with ears of its own, and what it heard is kept here too.
    pub fn listen() -> Result<Self, Error> {
        let runtime = runtime()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::listen().map_err(Error::Runtime)?
        };
        Ok(Self { runtime, signals })
    }

    /// What came since the last time: of several the strongest.
    pub fn came(&mut self) -> Option<Interruption> {
        let Self { runtime, signals } = self;
        let mut strongest = None;
        let next = |signals: &mut Signals| {
            runtime.block_on(async { timeout(MOMENT, signals.next()).await.ok() })
        };
        while let Some(number) = next(signals) {
            let came = if number == SignalKind::interrupt().as_raw_value() {
                Interruption::Leave
            } else {
                Interruption::End
            };
            strongest = strongest.max(Some(came));
        }
        strongest
    }
}

/// How long the runtime is given to look.
const MOMENT: Duration = Duration::from_millis(1);
