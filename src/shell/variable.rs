//! What the variables of an opaque text hold, as far as the text itself tells.
//!
//! **Reads** the assignments of the text.
//! **Gives** the value of a name, nothing for a name that is never set, the name where in doubt.
//! **Never** makes anything plain: this only helps a forbidden rule to see more.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The variables that a text sets.
#[derive(Debug, Default)]
pub(super) struct Variables {
    set: BTreeMap<String, Option<String>>,
}

impl Variables {
    /// Notes that a name is set: to a value, or to something that cannot be known.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        let value = match self.set.contains_key(name) {
            // Set twice: which one holds cannot be told.
            true => None,
            false => value.map(str::to_owned),
        };
        self.set.insert(name.to_owned(), value);
    }

    /// The text that `$name` becomes.
    pub(super) fn expand(&self, name: &str) -> Cow<'_, str> {
        match self.set.get(name) {
            Some(Some(value)) => Cow::Borrowed(value),
            Some(None) => Cow::Owned(format!("${name}")),
            None if name == "IFS" => Cow::Borrowed(" "),
            None if FROM_OUTSIDE.contains(&name) => Cow::Owned(format!("${name}")),
            None => Cow::Borrowed(""),
        }
    }

    /// The text that `${inner}` becomes.
    pub(super) fn expand_braced(&self, inner: &str) -> Cow<'_, str> {
        let end = inner
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(inner.len());
        let (name, operator) = inner.split_at_checked(end).unwrap_or((inner, ""));
        let unset = !self.set.contains_key(name) && !FROM_OUTSIDE.contains(&name);
        if operator.is_empty() && !name.is_empty() {
            return self.expand(name);
        }
        let default = [":-", ":=", "-", "="]
            .iter()
            .find_map(|prefix| operator.strip_prefix(prefix));
        match default {
            Some(default) if unset && !name.is_empty() => {
                Cow::Owned(default.replace(['"', '\'', '\\'], ""))
            }
            _ => Cow::Owned(format!("${{{inner}}}")),
        }
    }
}

/// Names that have a value although no text sets them.
const FROM_OUTSIDE: &[&str] = &[
    "BASH",
    "BASHPID",
    "BASH_VERSION",
    "EUID",
    "HOME",
    "HOSTNAME",
    "LANG",
    "LINENO",
    "LOGNAME",
    "OLDPWD",
    "OPTIND",
    "OSTYPE",
    "PATH",
    "PPID",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHELL",
    "SHLVL",
    "TERM",
    "UID",
    "USER",
    "_",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_set_once_has_its_value() {
        let mut variables = Variables::default();
        variables.set("x", Some("rm"));
        assert_eq!(variables.expand("x"), "rm");
        assert_eq!(variables.expand_braced("x"), "rm");
    }

    #[test]
    fn a_name_set_twice_or_from_outside_is_unknown() {
        let mut variables = Variables::default();
        variables.set("x", Some("rm"));
        variables.set("x", Some("ls"));
        assert_eq!(variables.expand("x"), "$x");
        assert_eq!(variables.expand("HOME"), "$HOME");
        assert_eq!(variables.expand_braced("HOME:-/x"), "${HOME:-/x}");
    }

    #[test]
    fn a_name_never_set_is_empty_or_its_default() {
        let variables = Variables::default();
        assert_eq!(variables.expand("x"), "");
        assert_eq!(variables.expand_braced("x:-'rm'"), "rm");
        assert_eq!(variables.expand_braced("x:+rm"), "${x:+rm}");
        assert_eq!(variables.expand_braced("#x"), "${#x}");
    }
}
