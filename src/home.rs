//! Where everything of one installation lies.
//!
//! **Reads** nothing, but looks whether a `config.yml` is there.
//! **Gives** [`Home`], the tree of files below one directory.
//! **Never** opens a file.

use std::path::Path;
use std::path::PathBuf;

/// The directory of an installation where nothing else says otherwise.
pub const DEFAULT: &str = "/opt/aiops";

/// One installation: a directory and the fixed names below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// Takes a directory as the root of an installation.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Chooses the installation this process works on.
    ///
    /// `asked` is the value of `AIOPS_HOME`, and it counts only where `honoured`: somebody who came
    /// through sudo as another user may not move the tree under that user's hands. Otherwise the
    /// directory of the `program` is the home if it holds a `config.yml`, as it does in every
    /// installation; otherwise it is [`DEFAULT`].
    pub fn choose(asked: Option<PathBuf>, honoured: bool, program: Option<&Path>) -> Self {
        if let Some(root) = asked.filter(|root| honoured && root.is_absolute()) {
            return Self::new(root);
        }
        program
            .and_then(Path::parent)
            .map(Self::new)
            .filter(|home| home.config().exists())
            .unwrap_or_else(|| Self::new(DEFAULT))
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Inventory, policy and limits, in YAML.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.yml")
    }

    /// The log: one JSON object a line.
    pub fn audit(&self) -> PathBuf {
        self.root.join("audit.jsonl")
    }

    /// The lock of the log: a file that only its writers can open.
    pub fn audit_lock(&self) -> PathBuf {
        self.runtime().join("audit.lock")
    }

    /// What stands beside the log: rotated segments, checkpoints, long outputs, the index.
    pub fn evidence(&self) -> PathBuf {
        self.root.join("audit")
    }

    /// What was signed of the log, one note behind the other.
    pub fn checkpoints(&self) -> PathBuf {
        self.evidence().join("checkpoints")
    }

    /// The keys that check those signatures, one a line.
    pub fn audit_keys(&self) -> PathBuf {
        self.evidence().join("keys")
    }

    /// The key that signs.
    pub fn audit_key(&self) -> PathBuf {
        self.runtime().join("audit.key")
    }

    /// How far the tree over the log was built.
    pub fn audit_tree(&self) -> PathBuf {
        self.runtime().join("audit.tree")
    }

    /// What went wrong with the last checkpoint.
    pub fn checkpoint_trouble(&self) -> PathBuf {
        self.runtime().join("checkpoint.trouble")
    }

    /// The lock of whoever makes a checkpoint.
    pub fn checkpoint_lock(&self) -> PathBuf {
        self.runtime().join("checkpoint.lock")
    }

    /// The key by which secrets that were taken out are told from each other.
    pub fn redaction_key(&self) -> PathBuf {
        self.runtime().join("redaction.key")
    }

    /// What makes questions to the log fast. It is made from the log and can be made anew.
    pub fn index(&self) -> PathBuf {
        self.evidence().join("index.sqlite")
    }

    /// What lives between two requests: approvals, sockets, locks.
    pub fn runtime(&self) -> PathBuf {
        self.root.join("runtime")
    }

    /// Requests that wait for a human, and those that had their answer.
    pub fn approvals(&self) -> PathBuf {
        self.runtime().join("approvals")
    }

    /// The marks of what is frozen.
    pub fn freezes(&self) -> PathBuf {
        self.runtime().join("freeze")
    }

    /// The people who approve by a code from their phone: their secrets, and what was tried.
    pub fn approvers(&self) -> PathBuf {
        self.runtime().join("approvers")
    }

    /// Grants.
    pub fn grants(&self) -> PathBuf {
        self.runtime().join("grants")
    }

    /// Control sockets and locks of the SSH masters.
    pub fn sockets(&self) -> PathBuf {
        self.runtime().join("ssh")
    }

    /// The private key that only this program uses.
    pub fn key(&self) -> PathBuf {
        self.root.join(".ssh/id_ed25519")
    }

    /// The host keys pinned for the targets.
    pub fn known_hosts(&self) -> PathBuf {
        self.root.join(".ssh/known_hosts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aiops_home_moves_the_tree_where_it_is_honoured() {
        let home = Home::choose(Some("/tmp/x".into()), true, None);
        assert_eq!(home.config(), Path::new("/tmp/x/config.yml"));
    }

    #[test]
    fn aiops_home_means_nothing_where_it_is_not_honoured() {
        assert_eq!(
            Home::choose(Some("/tmp/x".into()), false, None).root(),
            Path::new(DEFAULT)
        );
    }

    #[test]
    fn a_relative_aiops_home_means_nothing() {
        assert_eq!(
            Home::choose(Some("x".into()), true, None).root(),
            Path::new(DEFAULT)
        );
    }

    #[test]
    fn a_program_beside_a_config_is_at_home_there() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("aiops");
        assert_eq!(
            Home::choose(None, true, Some(&program)).root(),
            Path::new(DEFAULT)
        );
        std::fs::write(dir.path().join("config.yml"), "").unwrap();
        assert_eq!(Home::choose(None, false, Some(&program)).root(), dir.path());
    }
}
