//! The texts that a target's shell is given, and what it answers.
//!
//! **Reads** the marker lines that those texts print.
//! **Gives** [`Nonce`], [`gate`], [`end`], [`Marker`].
//! **Never** lets a byte of the command be read as anything but the command.
//!
//! A start has two phases. The text given to the login shell prints a marker with a random nonce,
//! then waits for that nonce on its standard input, and only then runs the command. Whoever has
//! not written the nonce knows that nothing ran.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::time::Duration;

use crate::hex;

/// A random word that nobody else can have printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nonce(String);

impl Nonce {
    /// Draws 128 random bits.
    pub(super) fn draw() -> io::Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(hex::of(&bytes)))
    }

    /// The nonce as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text for the login shell, any POSIX shell: marker, gate, command.
///
/// - The shell's own output goes nowhere once this text runs, so that nothing the shell says
///   (traces, notices about killed children) is mistaken for output of the command.
/// - The marker goes to both streams: what a start-up file printed before it is cut off exactly.
/// - The command gets an empty standard input, a fixed environment and a clock that starts when it
///   does. It is one argument of `bash -c`: no quote, comment, backslash or here-document in it
///   can reach what stands around it.
/// - The shell stays, so that a death by signal becomes its exit code, 128 + n.
pub(super) fn gate(
    nonce: &Nonce,
    path: &str,
    script: &str,
    limit: Duration,
    grace: Duration,
) -> String {
    let nonce = nonce.as_str();
    let path = quoted(path);
    let script = quoted(script);
    let (limit, grace) = (seconds(limit), seconds(grace));
    format!(
        "n={nonce}; exec 3>&1 4>&2 >/dev/null 2>&1; PATH={path}; m=; \
         for c in env timeout bash; do command -v $c || m=\"$m $c\"; done; \
         printf '\\n%s %s%s\\n' \"$n\" $$ \"$m\" >&3; printf '\\n%s %s%s\\n' \"$n\" $$ \"$m\" >&4; \
         read -r g && [ \"$g\" = \"$n\" ] || exit 99; \
         (exec env -i PATH={path} HOME=\"${{HOME:-/}}\" USER=\"${{USER:-}}\" \
         LOGNAME=\"${{LOGNAME:-}}\" {FIXED} timeout -k {grace} {limit} \
         bash --noprofile --norc -c {script} </dev/null >&3 2>&4 3>&- 4>&-); exit $?"
    )
}

/// The text that ends what runs in the session of `leader`, and counts what is left.
///
/// The session is looked for in /proc, so that process groups of their own (a `timeout` in the
/// command) are found too. `gate` must be on the leader's command line: a number that was given to
/// another process since is left alone.
pub(super) fn end(nonce: &Nonce, path: &str, leader: u32, gate: &Nonce, grace: Duration) -> String {
    let (own, gate) = (nonce.as_str(), gate.as_str());
    let rounds = grace.as_millis().div_ceil(ROUND.as_millis());
    let (path, end) = (quoted(path), quoted(END));
    format!(
        "PATH={path}; export PATH; exec bash --noprofile --norc -c {end} end {own} {leader} {gate} {rounds}"
    )
}

/// The line by which one of our texts says that it runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// The words after the nonce.
    pub(super) words: Vec<String>,
    /// Where the stream goes on after the marker.
    pub(super) after: usize,
}

impl Marker {
    /// Looks for the marker in what a stream has brought so far.
    pub(super) fn find(bytes: &[u8], nonce: &Nonce) -> Option<Self> {
        let start = format!("\n{} ", nonce.as_str());
        let at = bytes
            .windows(start.len())
            .position(|window| window == start.as_bytes())?;
        let words_at = at + start.len();
        let rest = bytes.get(words_at..)?;
        let length = rest.iter().position(|&byte| byte == b'\n')?;
        let words = String::from_utf8_lossy(rest.get(..length)?);
        Some(Self {
            words: words.split_whitespace().map(str::to_owned).collect(),
            after: words_at + length + 1,
        })
    }
}

/// The longest text that a target's kernel takes as one argument, with room to spare.
pub(super) const LONGEST: usize = 128 * 1024 - 1024;

/// One word of POSIX shell that means exactly this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A duration as `timeout` reads it. Zero would mean no limit at all.
fn seconds(duration: Duration) -> String {
    let millis = duration.as_millis().max(1);
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// What every command finds in its environment, besides PATH, HOME, USER and LOGNAME.
const FIXED: &str = "SHELL=/bin/bash LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=dumb NO_COLOR=1 PAGER=cat \
                     SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 DEBIAN_FRONTEND=noninteractive";

/// How long [`END`] waits between two looks.
const ROUND: Duration = Duration::from_millis(50);

/// Ends a session: TERM, a grace, KILL, and says how many processes are left.
///
/// A process that may not be signalled (one of another user, under sudo) is left, and counted.
/// Where /proc shows only one's own processes, a group with somebody else's in it answers
/// "not permitted" to signal 0.
const END: &str = r#"exec 3>&1 >/dev/null 2>&1
own=$1 leader=$2 gate=$3 rounds=$4 groups=' '
say() { printf '\n%s %s\n' "$own" "$1" >&3; exit 0; }
if [ -e /proc/$leader ]; then
  line=; read -r line </proc/$leader/cmdline
  case $line in ''|*$gate*) ;; *) say 0;; esac
fi
look() {
  found=
  for dir in /proc/[0-9]*; do
    stat=; IFS= read -r -d '' stat <$dir/stat; [ "$stat" ] || continue
    set -- ${stat##*) }
    [ "$4" = $leader ] || continue
    case $1 in Z|X) continue;; esac
    found="$found ${dir#/proc/}"
    case $groups in *" $3 "*) ;; *) groups="$groups$3 ";; esac
  done
}
look
for id in $found; do
  [ $id = $leader ] || kill -TERM $id
  kill -CONT $id
done
round=0
while look; [ "$found" ] && [ $round -lt $rounds ]; do sleep 0.05; round=$((round+1)); done
round=0
while look; [ "$found" ] && [ $round -lt 20 ]; do
  for id in $found; do kill -KILL $id; done
  sleep 0.05; round=$((round+1))
done
if ! [ -r /proc/1/stat ]; then
  for id in $groups; do
    case $(LC_ALL=C kill -0 -- -$id 2>&1) in *ermitted*) found="$found $id";; esac
  done
fi
set -- $found
say $#"#;
