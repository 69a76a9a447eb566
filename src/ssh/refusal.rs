//! Says in plain words why a target could not be reached, and what to do about it.
//!
//! **Reads** what `ssh` wrote to its log.
//! **Gives** [`Refusal`].
//! **Never** decides anything: every refusal means that nothing was started.

use std::time::Duration;

use crate::outcome::Outcome;
use crate::target::Host;
use crate::visible;

/// Why nothing was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    why: String,
    hint: String,
}

impl Refusal {
    /// A refusal in our own words.
    pub(super) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            hint: hint.into(),
        }
    }

    /// Reads the log of an `ssh` that gave up.
    pub(super) fn from_log(log: &str, host: &Host) -> Self {
        let said = |words: &str| log.contains(words);
        let case = CASES
            .iter()
            .find(|case| case.signs.iter().any(|sign| said(sign)));
        let last = log
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
            .unwrap_or(SILENT);
        let last = visible::line(last);
        match case {
            Some(case) => Self::new(
                format!("{}: {host} ({last})", case.why),
                case.hint.to_owned(),
            ),
            None => Self::new(
                format!("`ssh` could not connect: {host} ({last})"),
                "look at the SSH server on the target and at the network between",
            ),
        }
    }

    /// The target let the time pass that a start may take.
    pub(super) fn late(stage: Stage, host: &Host, limit: Duration) -> Self {
        let seconds = limit.as_secs_f64();
        let (why, hint) = match stage {
            Stage::Waiting => (
                "another command was still opening the connection",
                "ask again; if it stays so, look whether the target answers at all",
            ),
            Stage::Connecting => (
                "the target did not answer",
                "look whether the machine is up, and at firewalls and routes between",
            ),
            Stage::Busy => (
                "every connection to the target was taken by other commands",
                "ask again later, or raise `masters_per_target`",
            ),
            Stage::Opening => (
                "the connection stands, but the target started no shell",
                "the target is hung or overloaded, or its network went away: look at its console",
            ),
        };
        Self::new(format!("{why} within {seconds} s: {host}"), hint)
    }

    /// The outcome that this is.
    pub(super) fn outcome(self) -> Outcome {
        Outcome::Unreachable {
            why: self.why,
            hint: self.hint,
        }
    }
}

/// How far a start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Another process holds the lock and starts the master.
    Waiting,
    /// Our own `ssh` is connecting.
    Connecting,
    /// No session is free.
    Busy,
    /// A session was asked for.
    Opening,
}

/// One way in which `ssh` fails.
struct Case {
    signs: &'static [&'static str],
    why: &'static str,
    hint: &'static str,
}

const SILENT: &str = "it said nothing";

/// In the order in which they are looked for: the surest sign first.
const CASES: &[Case] = &[
    Case {
        signs: &["REMOTE HOST IDENTIFICATION HAS CHANGED"],
        why: "the target shows another host key than the one that is pinned",
        hint: "stop: this is either a machine that was set up anew or somebody in between; compare \
               the key's fingerprint on the target's console before you pin it anew",
    },
    Case {
        signs: &["REVOKED HOST KEY DETECTED", "is marked as revoked"],
        why: "the target's host key is revoked",
        hint: "this key must not be trusted any more: give the target a new one and pin that",
    },
    Case {
        signs: &["host key is known for", "Host key verification failed"],
        why: "the target's host key is not pinned",
        hint: "compare the key's fingerprint on the target's console, then put the key into \
               `known_hosts`",
    },
    Case {
        signs: &["UNPROTECTED PRIVATE KEY FILE", "bad permissions"],
        why: "the key file is open to others, so `ssh` does not use it",
        hint: "give the key file to the executor's user alone, mode 0600",
    },
    Case {
        signs: &[
            "error in libcrypto",
            "invalid format",
            "incorrect passphrase",
        ],
        why: "the key file cannot be read as a key",
        hint: "the key must be an OpenSSH private key without a passphrase",
    },
    Case {
        signs: &["Permission denied (", "Too many authentication failures"],
        why: "the target does not accept the executor's key",
        hint: "put the executor's public key into `authorized_keys` of this user on the target, \
               and look at the owners and modes of that file and of its directory",
    },
    Case {
        signs: &["Could not resolve hostname"],
        why: "the name of the target cannot be resolved",
        hint: "look at `host` in `config.yml` and at the name servers of this machine",
    },
    Case {
        signs: &["Connection refused"],
        why: "nothing listens on the target's SSH port",
        hint: "look whether the SSH server runs on the target, and at `port` in `config.yml`",
    },
    Case {
        signs: &["No route to host", "Network is unreachable"],
        why: "there is no way to the target through the network",
        hint: "look whether the machine is up, and at firewalls and routes between",
    },
    Case {
        signs: &["timed out", "not responding"],
        why: "the target did not answer in time",
        hint: "look whether the machine is up, and at firewalls and routes between",
    },
    Case {
        signs: &["Unable to negotiate", "no matching"],
        why: "the target and this machine have no cipher, key type or key exchange in common",
        hint: "update the SSH server on the target",
    },
    Case {
        signs: &["Connection closed", "Connection reset", "Broken pipe"],
        why: "the target closed the connection before anything was started",
        hint: "look at the log of the SSH server on the target: it says why",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(log: &str, expected: &str) {
        let host = Host::new("db9", 22, "aiops").unwrap();
        let refusal = Refusal::from_log(log, &host);
        assert!(refusal.why.starts_with(expected), "{refusal:?}");
        assert!(refusal.why.contains("aiops@db9 port 22"), "{refusal:?}");
        assert!(!refusal.why.chars().any(char::is_control), "{refusal:?}");
        assert!(!refusal.hint.is_empty());
    }

    #[test]
    fn a_changed_key_is_told_from_an_unknown_one() {
        check(
            "@@@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n\
             Host key for db9 has changed and you have requested strict checking.\r\n\
             Host key verification failed.\r\n",
            "the target shows another host key",
        );
        check(
            "No ED25519 host key is known for db9 and you have requested strict checking.\r\n\
             Host key verification failed.\r\n",
            "the target's host key is not pinned",
        );
    }

    #[test]
    fn each_failure_has_its_own_words() {
        check(
            "aiops@db9: Permission denied (publickey).\r\n",
            "the target does not accept",
        );
        check(
            "ssh: Could not resolve hostname db9: Name or service not known",
            "the name of",
        );
        check(
            "ssh: connect to host db9 port 22: Connection refused",
            "nothing listens",
        );
        check(
            "ssh: connect to host db9 port 22: No route to host",
            "there is no way",
        );
        check(
            "ssh: connect to host db9 port 22: Connection timed out",
            "the target did not",
        );
        check(
            "Connection timed out during banner exchange",
            "the target did not",
        );
        check(
            "kex_exchange_identification: Connection closed by remote host",
            "the target closed",
        );
    }

    #[test]
    fn a_bad_key_file_is_named_before_the_refusal_that_follows_from_it() {
        check(
            "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\n\
             Load key \"/x\": bad permissions\naiops@db9: Permission denied (publickey).",
            "the key file is open to others",
        );
        check(
            "Load key \"/x\": error in libcrypto\naiops@db9: Permission denied (publickey).",
            "the key file cannot be read",
        );
    }

    #[test]
    fn what_is_not_known_is_quoted_and_cannot_act_on_a_terminal() {
        check("something else\x1b[2J\n\n", "`ssh` could not connect");
        check("", "`ssh` could not connect");
    }
}
