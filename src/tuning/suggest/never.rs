//! Programs that no rule is ever suggested for, whatever the log says.
//!
//! **Reads** the words of a command.
//! **Gives** the reason not to suggest it.
//! **Never** learns from the log: whoever can fill a log must not be able to write rules.

/// Why no rule may be suggested for a command with these words; none where nothing is known
/// against it.
pub(super) fn reason(words: &[String]) -> Option<String> {
    let first = words.first()?;
    let program = first.rsplit('/').next().unwrap_or(first);
    if first.contains('/') && !IN_SYSTEM.iter().any(|folder| first.starts_with(folder)) {
        return Some(format!(
            "`{first}` lies where others than root may put another program"
        ));
    }
    if first.contains("/../") {
        return Some(format!("`{first}` takes a detour through `..`"));
    }
    if program.starts_with("mkfs") || program.starts_with("fsck") {
        return Some(format!("`{program}` {DISKS}"));
    }
    if let Some(word) = words
        .iter()
        .find(|word| SECRETS.iter().any(|known| word.contains(known)))
    {
        return Some(format!("`{word}` may hold keys or passwords"));
    }
    // `python3.11` is a python.
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let sets = match program {
        "sysctl" => |word: &String| word.contains('='),
        "hostname" => |word: &String| !word.starts_with('-'),
        _ => |_: &String| false,
    };
    if words.iter().skip(1).any(sets) {
        return Some(format!("`{program}` sets a value with these words"));
    }
    for (programs, why) in PROGRAMS {
        if listed(programs, program) || listed(programs, name) {
            return Some(format!("`{program}` {why}"));
        }
    }
    for (programs, changing, why) in WORDS {
        let found = words.get(1..).unwrap_or_default().iter().find(|word| {
            changing
                .split_ascii_whitespace()
                .any(|known| is_word(word, known))
        });
        if (programs.is_empty() || listed(programs, program))
            && let Some(word) = found
        {
            return Some(format!("`{program} {word}` {why}"));
        }
    }
    None
}

/// Whether a list, its words parted by blanks, holds a word.
fn listed(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

/// Whether a word is the known one, or an option with a value: `--output=x`.
fn is_word(word: &str, known: &str) -> bool {
    word == known
        || known.starts_with("--")
            && word
                .strip_prefix(known)
                .is_some_and(|rest| rest.starts_with('='))
}

/// Folders that only root writes to.
const IN_SYSTEM: &[&str] = &[
    "/usr/bin/",
    "/usr/sbin/",
    "/bin/",
    "/sbin/",
    "/usr/local/bin/",
    "/usr/local/sbin/",
];

/// Parts of the names of files that hold what must not be read without asking.
const SECRETS: &[&str] = &[
    "shadow",
    "/.ssh",
    "id_rsa",
    "id_ed25519",
    "authorized_keys",
    ".pem",
    ".key",
    ".env",
    "environ",
    "password",
    "secret",
    "credential",
    "token",
    "/root",
    "/dev/mem",
    "/proc/kcore",
];

const DISKS: &str = "can destroy a file system";
const FILES: &str = "removes or overwrites files";
const ENDS: &str = "ends processes or the machine";
const USERS: &str = "changes who may log in or what they may do";
const ANYTHING: &str = "runs whatever it is given";
const NETWORK: &str = "changes how the machine is reached";
const SOFTWARE: &str = "changes the software of the machine";
const SERVICES: &str = "stops or changes services";

const PROGRAMS: &[(&str, &str)] = &[
    (
        "rm rmdir unlink shred srm truncate dd tee cp mv ln install tar unzip cpio sponge \
         ed vi vim nano emacs logrotate",
        FILES,
    ),
    (
        "wipefs fdisk sfdisk cfdisk gdisk sgdisk parted blkdiscard hdparm mkswap swapoff \
         swapon mount umount losetup cryptsetup mdadm lvremove lvreduce lvcreate lvextend \
         vgremove vgreduce pvremove resize2fs tune2fs debugfs e2fsck xfs_repair zpool zfs \
         btrfs",
        DISKS,
    ),
    (
        "kill pkill killall skill fuser reboot shutdown halt poweroff init telinit kexec",
        ENDS,
    ),
    (
        "useradd userdel usermod adduser deluser groupadd groupdel groupmod gpasswd \
         passwd chpasswd chage chsh chfn visudo vipw chmod chown chgrp chattr setfacl \
         setcap ssh-keygen ssh-copy-id crontab at batch",
        USERS,
    ),
    (
        "sh bash dash zsh ksh fish csh tcsh busybox python perl ruby node nodejs php lua \
         tclsh awk gawk mawk sed eval exec source xargs find env sudo su doas runuser \
         setpriv chroot nsenter unshare systemd-run ssh scp sftp rsync nc ncat netcat \
         socat telnet curl wget gdb strace make git less more man ansible screen tmux \
         watch script flock parallel mysql psql sqlite mongo mongosh redis-cli \
         docker-compose",
        ANYTHING,
    ),
    (
        "iptables ip6tables iptables-restore ip6tables-restore nft ufw firewall-cmd \
         ifconfig ifdown ifup route brctl nmcli netplan tc wg wg-quick",
        NETWORK,
    ),
    (
        "dpkg apt apt-get aptitude yum dnf rpm zypper pacman snap flatpak pip npm gem \
         cargo insmod rmmod modprobe depmod update-grub grub-install update-initramfs \
         dpkg-reconfigure update-alternatives",
        SOFTWARE,
    ),
];

/// Words that turn a program into one that destroys. No programs: all of them.
const WORDS: &[(&str, &str, &str)] = &[
    (
        "systemctl service rc-service initctl supervisorctl loginctl",
        "stop restart reload kill disable mask isolate poweroff reboot halt kexec edit \
         set-default daemon-reexec rescue emergency revert link set-property \
         set-environment import-environment terminate-user terminate-session kill-user \
         kill-session reload-or-restart try-restart force-reload suspend hibernate",
        SERVICES,
    ),
    (
        "docker podman kubectl nerdctl crictl lxc virsh",
        "rm rmi kill stop restart exec run prune delete down apply drain cp destroy \
         undefine shutdown reboot scale patch replace edit create build load import debug \
         attach start",
        SERVICES,
    ),
    (
        "ip",
        "add ad del de d delete set flush flu fl change replace exec",
        NETWORK,
    ),
    ("sort tcpdump tshark", "-o -w -z", FILES),
    ("sysctl", "-w --write -p --load --system", SERVICES),
    (
        "journalctl",
        "--vacuum-size --vacuum-time --vacuum-files --rotate --flush",
        FILES,
    ),
    (
        "date timedatectl hwclock hostname hostnamectl",
        "-s --set set-time set-timezone set-ntp --systohc -w set-hostname",
        SERVICES,
    ),
    (
        "",
        "--delete -delete --remove --purge --force --exec -exec --output",
        "has a word that removes, overwrites or runs something",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        reason(&words)
    }

    #[test]
    fn what_destroys_is_never_suggested() {
        for text in [
            "rm /x",
            "/bin/rm /x",
            "dd if=/a of=/b",
            "mkfs.ext4 /dev/sda",
            "kill 1",
            "reboot",
            "userdel bob",
            "systemctl stop nginx",
            "systemctl --no-pager reboot",
            "docker container prune",
            "python3.11 x.py",
            "bash x.sh",
            "journalctl --vacuum-time=1d",
            "/tmp/backup",
            "./backup",
            "/usr/bin/../../tmp/x",
            "tool --force",
            "cat /etc/shadow",
            "sysctl vm.swappiness=1",
            "hostname evil",
            "sort -o /x /y",
            "stat /home/bob/.ssh/id_x",
        ] {
            assert!(said(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_reads_may_be() {
        for text in [
            "df -h /srv",
            "/usr/bin/uptime",
            "journalctl -u nginx -n 50",
            "systemctl status nginx",
            "docker ps",
            "ip addr show",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
