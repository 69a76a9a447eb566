//! What machines exist and how they are reached.
//!
//! **Reads** nothing; `config` fills an [`Inventory`].
//! **Gives** [`Name`], [`Host`], [`Scope`], [`Target`], [`Inventory`].
//! **Never** resolves, connects or guesses.

use std::collections::BTreeMap;
use std::fmt;

mod scope;

pub use scope::Scope;
pub use scope::Tier;
pub use scope::Unknown;

/// The name of a managed machine, as requests say it.
///
/// 1 to 64 letters, digits, `.`, `_` or `-`, and no `-` or `.` in front: a name becomes part of
/// messages and file names, and never an option of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// A name that cannot be the name of a target.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a target is named by 1 to 64 letters, digits, `.`, `_` and `-`, starting with a letter or digit"
)]
pub struct BadName;

impl Name {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= 64 && text.chars().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a target is reached: address, port and login.
///
/// The crate `openssh` and `ssh` itself take a destination that begins with `-` as an option, so
/// neither address nor user may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    address: String,
    port: u16,
    user: String,
}

/// A host that cannot be written down safely.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadHost {
    /// The address is no host name and no IP address.
    #[error("`{0}` is no host name and no IP address")]
    Address(String),
    /// The login is no Unix user name.
    #[error("`{0}` is no user name")]
    User(String),
    /// Port 0 cannot be connected to.
    #[error("port 0 cannot be connected to")]
    Port,
}

impl Host {
    /// Checks the three parts of a host.
    pub fn new(address: &str, port: u16, user: &str) -> Result<Self, BadHost> {
        let word = |text: &str, more: &str, longest: usize| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric() || more.contains(c) && c != '-')
                && text.len() <= longest
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !word(address, ".-_:", 253) {
            return Err(BadHost::Address(address.to_owned()));
        }
        if !word(user, "._-", 32) {
            return Err(BadHost::User(user.to_owned()));
        }
        if port == 0 {
            return Err(BadHost::Port);
        }
        Ok(Self {
            address: address.to_owned(),
            port,
            user: user.to_owned(),
        })
    }

    /// Host name or IP address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// TCP port of the SSH server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The login on the target.
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} port {}", self.user, self.address, self.port)
    }
}

/// A managed machine: its name and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    name: Name,
    host: Host,
    scope: Scope,
}

impl Target {
    /// Puts a name on a host. The scope takes the same name.
    pub fn new(name: Name, host: Host, scope: Scope) -> Self {
        let scope = Scope {
            name: Some(name.clone()),
            ..scope
        };
        Self { name, host, scope }
    }

    /// The name that requests use.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Where it is reached.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What the policy has to know of it.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// All managed machines.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    targets: BTreeMap<Name, Target>,
}

/// A request named a machine that nobody manages here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("target `{name}` is not in the inventory{}", known_ones(.known))]
pub struct UnknownTarget {
    /// What was asked for.
    pub name: Name,
    /// The targets there are, a bounded number of them.
    pub known: Vec<Name>,
}

impl Inventory {
    /// Collects targets; a later one of the same name takes the place of an earlier one, and
    /// `config` lets no name occur twice.
    pub fn new(targets: impl IntoIterator<Item = Target>) -> Self {
        Self {
            targets: targets.into_iter().map(|t| (t.name.clone(), t)).collect(),
        }
    }

    /// Finds a target by its name.
    pub fn find(&self, name: &Name) -> Result<&Target, UnknownTarget> {
        self.targets.get(name).ok_or_else(|| UnknownTarget {
            name: name.clone(),
            known: self.targets.keys().take(SHOWN).cloned().collect(),
        })
    }

    /// All targets, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.targets.values()
    }
}

fn known_ones(names: &[Name]) -> String {
    if names.is_empty() {
        return "; `config.yml` names none".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("; known targets: {}", names.join(", "))
}

/// How many known targets a message names.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_letters_digits_dots_and_dashes_are_targets() {
        for name in ["srv1", "db-2.example.org", "a_b", "9"] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn everything_else_is_no_target() {
        let long = "a".repeat(65);
        for name in [
            "",
            "-oProxyCommand=x",
            ".",
            "..",
            "a b",
            "a/b",
            "ä",
            "a\n",
            "$(x)",
            &long,
        ] {
            assert_eq!(Name::parse(name), Err(BadName), "{name:?}");
        }
    }

    #[test]
    fn a_host_never_begins_like_an_option() {
        assert!(Host::new("-oProxyCommand=x", 22, "aiops").is_err());
        assert!(Host::new("10.0.0.1", 22, "-l").is_err());
        assert!(Host::new("10.0.0.1", 0, "aiops").is_err());
        assert!(Host::new("a b", 22, "aiops").is_err());
        assert!(Host::new("host", 22, "root@else").is_err());
        assert!(Host::new("", 22, "aiops").is_err());
        assert!(Host::new("::1", 22, "aiops").is_ok());
        assert!(Host::new("srv1.example.org", 22, "aiops").is_ok());
    }

    #[test]
    fn an_unknown_target_names_the_known_ones() {
        let host = Host::new("10.0.0.1", 22, "aiops").unwrap();
        let inventory = Inventory::new([Target::new(
            Name::parse("srv1").unwrap(),
            host,
            Scope::of_tier(Tier::Lab),
        )]);
        let error = inventory.find(&Name::parse("db9").unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "target `db9` is not in the inventory; known targets: `srv1`"
        );
    }
}
