//! The host keys that are pinned for a machine.
//!
//! **Reads** `known_hosts` (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
//! **Gives** [`pins`], [`fingerprints`].
//! **Never** judges a key: `ssh` does that. It tells what could count, so that a change is noticed.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::Digest as _;
use sha2::Sha256;

use crate::target::Host;

/// The lines that may speak of a host, as they stand there: those that name its address (with its
/// port, where that is another than 22), and all whose names are hashed, are patterns or are marked,
/// of which nobody can say it at a glance. Sorted, without comments.
pub fn pins(known_hosts: &Path, host: &Host) -> Vec<String> {
    let Ok(text) = fs::read_to_string(known_hosts) else {
        return vec!["the pinned host keys cannot be read".to_owned()];
    };
    let name = match host.port() {
        22 => host.address().to_owned(),
        port => format!("[{}]:{port}", host.address()),
    };
    let mut pins: Vec<String> = text
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            let names = line.split_ascii_whitespace().next()?;
            let speaks = names
                .split(',')
                .any(|known| known.eq_ignore_ascii_case(&name));
            let may_speak = names.starts_with(['|', '@']) || names.contains(['*', '?', '!']);
            let is_comment = line.starts_with('#');
            (!is_comment && (speaks || may_speak)).then(|| {
                // A mark, the names, the type, the key.
                let words = if names.starts_with('@') { 4 } else { 3 };
                let words: Vec<&str> = line.split_ascii_whitespace().take(words).collect();
                words.join(" ")
            })
        })
        .collect();
    pins.sort_unstable();
    pins
}

/// The fingerprints of those keys that name the host, as `ssh-keygen -l` writes them. What is marked
/// (`@revoked`, `@cert-authority`), hashed or a pattern is left out: nobody can say that it counts.
pub fn fingerprints(pins: &[String]) -> Vec<String> {
    let of_line = |line: &String| {
        let mut words = line.split_ascii_whitespace();
        let names = words.next()?;
        if names.starts_with(['|', '@']) || names.contains(['*', '?', '!']) {
            return None;
        }
        let key = STANDARD.decode(words.nth(1)?).ok()?;
        let hash = STANDARD_NO_PAD.encode(Sha256::digest(key));
        Some(format!("SHA256:{hash}"))
    };
    pins.iter().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(known_hosts: &str, port: u16, expected: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        fs::write(&path, known_hosts).unwrap();
        let host = Host::new("srv1.example", port, "aiops").unwrap();
        assert_eq!(pins(&path, &host), expected);
    }

    #[test]
    fn the_lines_of_a_host_are_its_pins_and_those_of_others_are_not() {
        let text = "other ssh-ed25519 AAA\nSRV1.example,192.0.2.1 ssh-ed25519 BBB\n[srv1.example]:2222 ssh-rsa CCC\n# srv1.example ssh-rsa DDD\n\n";
        check(text, 22, &["SRV1.example,192.0.2.1 ssh-ed25519 BBB"]);
        check(text, 2222, &["[srv1.example]:2222 ssh-rsa CCC"]);
        check(text, 23, &[]);
    }

    #[test]
    fn what_may_speak_of_a_host_counts_too() {
        let lines = [
            "*.example ssh-rsa A",
            "@revoked srv1.example ssh-rsa B",
            "|1|c2FsdA==|aGFzaA== ssh-rsa C",
        ];
        check(&lines.join("\n"), 22, &lines);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_one_without_pins() {
        let host = Host::new("srv1", 22, "aiops").unwrap();
        assert_eq!(pins(Path::new("/nonexistent/known_hosts"), &host).len(), 1);
    }

    #[test]
    fn a_fingerprint_is_the_one_that_ssh_keygen_prints() {
        // Taken from `ssh-keygen -lf` of the same line.
        let line =
            "srv1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        let pins = [
            line.to_owned(),
            format!("@revoked {line}"),
            line.replace("srv1", "*"),
            line.replace("srv1", "|1|a|b"),
            "srv1 ssh-ed25519 no-base64!".to_owned(),
            "srv1".to_owned(),
        ];
        assert_eq!(
            fingerprints(&pins),
            ["SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"]
        );
    }
}
