//! Who really called: an identity from the process, never from the message.
//!
//! **Reads** the process' own facts and its parent's, from `/proc` (proc(5)); users and groups.
//! **Gives** [`Caller`], [`is_member`], [`listed_members`].
//! **Never** believes a name that the caller could have written.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::Group;
use nix::unistd::Uid;
use nix::unistd::User;
use nix::unistd::getgrouplist;

/// The Unix user behind this invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user id of the person or program that called.
    pub uid: u32,
    /// The name of that user in `/etc/passwd`, or the number where it has none there.
    pub user: String,
    /// The way that user came.
    pub through: Through,
    /// Another user whom `SUDO_UID` names and the process does not bear out. It is not believed,
    /// and whoever it is may have been the one all the same: where sudo replaced itself by its
    /// command and the caller's shell ended, nothing else is left of the caller.
    pub disputed: Option<String>,
}

/// How a caller reached this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// The process runs as the caller.
    Direct,
    /// sudo(8) started this process for the caller, as another user.
    Sudo,
}

impl Through {
    /// The word for the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Sudo => "sudo",
        }
    }
}

/// The facts that identify a caller.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The real user id of this process.
    pub real: u32,
    /// What `SUDO_UID` claims; sudo sets it, and so can anybody who starts a process.
    pub claimed: Option<u32>,
    /// The user that owns the parent process, and whether that process is called `sudo`.
    pub parent: Option<(u32, bool)>,
}

impl Facts {
    /// Decides whose call this is.
    ///
    /// The claim of `SUDO_UID` counts only where the parent cannot be the executor's own user: it is
    /// root's `sudo` (which waits for its command), or the claimed user itself (sudo replaced
    /// itself by its command). Otherwise the caller is the real user. An orphan's parent is
    /// process 1, which is root's too, and no sudo.
    pub fn uid(self) -> (u32, Through) {
        match self.claimed {
            Some(claimed)
                if claimed != self.real
                    && self.parent.is_some_and(|(owner, is_sudo)| {
                        owner == 0 && is_sudo || owner == claimed && owner != 0
                    }) =>
            {
                (claimed, Through::Sudo)
            }
            _ => (self.real, Through::Direct),
        }
    }
}

impl Caller {
    /// Whether sudo started this process for somebody else.
    pub fn came_by_sudo(&self) -> bool {
        self.through == Through::Sudo
    }

    /// Whether this is an admin: root, also through sudo, or whoever works as the executor's `own`
    /// user. Whoever came to that user through sudo is neither, and where the environment speaks of
    /// sudo and the process does not bear it out, nobody knows who came.
    pub fn is_admin(&self, own: u32) -> bool {
        let nobody_else = !self.came_by_sudo() && self.disputed.is_none();
        self.uid == 0 || self.uid == own && nobody_else
    }

    /// The Unix user of this name, as if it called.
    pub fn named(name: &str) -> Option<Self> {
        let user = User::from_name(name).ok()??;
        Some(Self {
            uid: user.uid.as_raw(),
            user: name_of(user.uid.as_raw()),
            through: Through::Direct,
            disputed: None,
        })
    }

    /// Identifies the caller of this process; `claimed` is the value of `SUDO_UID`.
    pub fn identify(claimed: Option<&str>) -> Self {
        let parent = rustix::process::getppid().and_then(|pid| {
            let facts = fs::metadata(format!("/proc/{}", pid.as_raw_nonzero())).ok()?;
            let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).ok()?;
            Some((facts.uid(), name.trim_end() == "sudo"))
        });
        let facts = Facts {
            real: rustix::process::getuid().as_raw(),
            claimed: claimed.and_then(|uid| uid.parse().ok()),
            parent,
        };
        let (uid, through) = facts.uid();
        Self {
            uid,
            user: name_of(uid),
            through,
            disputed: facts
                .claimed
                .filter(|claimed| *claimed != uid && *claimed != facts.real)
                .map(name_of),
        }
    }
}

/// Looks a user up in `/etc/passwd` (passwd(5)), where most are, and only then asks the system's
/// name service (nsswitch.conf(5)), which may have to ask a network. A user without a name goes by
/// the number.
pub fn name_of(uid: u32) -> String {
    let number = uid.to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let local = passwd.lines().find_map(|entry| {
        let mut fields = entry.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    local
        .or_else(|| Some(User::from_uid(Uid::from_raw(uid)).ok()??.name))
        .unwrap_or(number)
}

/// Whether a Unix user belongs to a group, by its own entry or by the group's, as the system's name
/// service has it now (getgrouplist(3)). Where either is unknown, or cannot be asked for, nobody
/// belongs to anything.
pub fn is_member(user: &str, group: &str) -> bool {
    let member = || {
        let group = Group::from_name(group).ok()??;
        let user = User::from_name(user).ok()??;
        let name = CString::new(user.name).ok()?;
        let groups = getgrouplist(&name, user.gid).ok()?;
        Some(groups.contains(&group.gid))
    };
    member().unwrap_or(false)
}

/// The users that the entry of a Unix group lists (getgrnam(3)); none where there is no such group.
/// Whoever has it as their first group need not be listed.
pub fn listed_members(group: &str) -> Option<Vec<String>> {
    Some(Group::from_name(group).ok()??.mem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        real: u32,
        claimed: Option<u32>,
        parent: Option<(u32, bool)>,
        expected: (u32, Through),
    ) {
        assert_eq!(
            Facts {
                real,
                claimed,
                parent
            }
            .uid(),
            expected
        );
    }

    #[test]
    fn a_claim_counts_when_sudo_is_the_parent() {
        check(990, Some(1000), Some((0, true)), (1000, Through::Sudo));
    }

    #[test]
    fn a_claim_counts_when_sudo_replaced_itself() {
        check(990, Some(1000), Some((1000, false)), (1000, Through::Sudo));
    }

    #[test]
    fn the_executors_own_user_cannot_claim_to_be_another() {
        check(990, Some(1000), Some((990, false)), (990, Through::Direct));
        check(990, Some(1000), Some((990, true)), (990, Through::Direct));
    }

    #[test]
    fn an_orphan_cannot_claim_to_be_another() {
        check(990, Some(1000), Some((0, false)), (990, Through::Direct));
    }

    #[test]
    fn a_claim_with_an_unknown_parent_is_not_believed() {
        check(990, Some(1000), None, (990, Through::Direct));
    }

    #[test]
    fn without_a_claim_the_real_user_called() {
        check(1000, None, Some((0, true)), (1000, Through::Direct));
    }

    #[test]
    fn only_root_and_the_executors_own_user_are_admins() {
        let admin = |uid, through, disputed: bool| {
            let caller = Caller {
                uid,
                user: "x".to_owned(),
                through,
                disputed: disputed.then(|| "alice".to_owned()),
            };
            caller.is_admin(990)
        };
        assert!(admin(0, Through::Direct, false));
        assert!(admin(0, Through::Sudo, false));
        assert!(admin(990, Through::Direct, false));
        assert!(!admin(990, Through::Direct, true), "who came by sudo?");
        assert!(!admin(990, Through::Sudo, false));
        assert!(!admin(1000, Through::Sudo, false));
        assert!(!admin(1000, Through::Direct, false));
    }

    #[test]
    fn root_has_its_name() {
        assert_eq!(name_of(0), "root");
        assert_eq!(name_of(4_294_967_000), "4294967000");
    }

    #[test]
    fn a_group_lists_its_members_or_is_none() {
        assert!(listed_members("root").is_some());
        for unknown in ["", "no such group", "root\0"] {
            assert_eq!(listed_members(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn a_user_belongs_to_the_groups_that_name_it_and_to_its_own() {
        assert!(is_member("root", "root"));
        assert!(is_member("nobody", "nogroup"));
        assert!(!is_member("nobody", "root"));
        for unknown in ["", "no such user", "root\0", "nobody:"] {
            assert!(!is_member(unknown, "root"), "{unknown:?}");
            assert!(!is_member("root", unknown), "{unknown:?}");
        }
    }
}
