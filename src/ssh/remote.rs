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
/// - The shell stays, so that a death by signal becomes an exit code, 128 + n. It says the code in
///   a last marker on both streams: what stands before it is all that the command wrote, and
///   whoever still holds the streams after it does not hold us.
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
         bash --noprofile --norc -c {script} </dev/null >&3 2>&4 3>&- 4>&-); \
         r=$?; printf '\\n%s %s\\n' \"$n\" $r >&3; printf '\\n%s %s\\n' \"$n\" $r >&4; exit $r"
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
    /// What every marker begins with.
    pub(super) fn start(nonce: &Nonce) -> Vec<u8> {
        format!("\n{} ", nonce.as_str()).into_bytes()
    }

    /// Looks for the marker in what a stream has brought so far.
    pub(super) fn find(bytes: &[u8], nonce: &Nonce) -> Option<Self> {
        let start = Self::start(nonce);
        let at = bytes
            .windows(start.len())
            .position(|window| window == start)?;
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

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;
    use std::io::BufReader;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::path::Path;
    use std::process::Command;
    use std::process::Stdio;

    use super::*;

    const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
    const SECOND: Duration = Duration::from_secs(1);

    /// What a login shell makes of a script: its output, its messages, its code.
    #[track_caller]
    fn through(shell: &str, script: &str, word: &str) -> (String, String, Option<i32>) {
        let nonce = Nonce("0123".to_owned());
        let text = gate(&nonce, PATH, script, SECOND * 20, SECOND);
        let mut child = Command::new(shell)
            .args(["-c", &text])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(word.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let rest = |bytes: &[u8]| {
            let marker = Marker::find(bytes, &nonce).unwrap();
            assert_eq!(marker.words.len(), 1);
            let rest = &bytes[marker.after..];
            let code = output.status.code().unwrap();
            let rest = rest
                .strip_suffix(format!("\n0123 {code}\n").as_bytes())
                .unwrap_or(rest);
            String::from_utf8(rest.to_vec()).unwrap()
        };
        (
            rest(&output.stdout),
            rest(&output.stderr),
            output.status.code(),
        )
    }

    /// A script does between our words what it does alone.
    #[track_caller]
    fn same(script: &str) {
        let alone = Command::new("bash")
            .args(["--noprofile", "--norc", "-c", script])
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let alone = (
            String::from_utf8(alone.stdout).unwrap(),
            String::from_utf8(alone.stderr).unwrap(),
            alone.status.code(),
        );
        for shell in ["bash", "dash"] {
            assert_eq!(through(shell, script, "0123\n"), alone, "{shell}: {script}");
        }
    }

    #[test]
    fn no_script_reaches_what_stands_around_it() {
        for script in [
            "echo a\\",
            "echo a # '",
            "echo 'it'\\''s'",
            "echo 'never closed",
            "echo \"never closed",
            "cat <<END\nnever closed",
            "cat <<'END'\nclosed 'here'\nEND",
            "cat <<END\nclosed\nEND\n",
            "exit 7",
            "exit 7; exit 8",
            "(exit 5)",
            "false",
            "false &&",
            "}",
            ")",
            "esac",
            "then",
            "echo $(echo a",
            "echo `echo a",
            "trap 'echo end' EXIT; exit 3",
            "set -e; false; echo no",
            "set -u; echo $nothing",
            "exec false",
            "exec 1>&2; echo a",
            "echo $#-$0-$1-$*",
            "echo \"$n$m$g$c\"",
            "return 3",
            "cat; echo $?",
            "\n\necho a\n\n",
            "",
            " ",
            "#",
            "\\",
            "'",
            "''",
            "'\\''",
            "$'\\''",
            "!",
            "!!",
            "echo a!b",
            "echo ä\u{a0}\u{1f600}",
            "echo %s %d \\n",
            "alias x=y; x",
            "kill -0 $$ && echo alive",
            "echo {1..3} ~root *",
        ] {
            same(script);
        }
    }

    #[test]
    fn nothing_runs_before_the_word_and_nothing_after_a_wrong_one() {
        for shell in ["bash", "dash"] {
            for word in [
                "",
                "\n",
                "012",
                "0123",
                "wrong\n",
                " 0123 0123\n",
                "0123\\\n\n",
            ] {
                let nothing = (String::new(), String::new(), Some(99));
                assert_eq!(
                    through(shell, "echo ran", word),
                    nothing,
                    "{shell}: {word:?}"
                );
            }
        }
    }

    #[test]
    fn a_death_is_told_by_the_code_and_by_nothing_else() {
        for shell in ["bash", "dash"] {
            for (name, code) in [("KILL", 137), ("TERM", 143), ("ABRT", 134)] {
                let dead = (String::new(), String::new(), Some(code));
                assert_eq!(
                    through(shell, &format!("kill -{name} $$"), "0123\n"),
                    dead,
                    "{shell}"
                );
            }
        }
    }

    #[test]
    fn the_longest_command_of_quotes_still_fits() {
        let nonce = Nonce::draw().unwrap();
        let text = gate(&nonce, PATH, &"'".repeat(8192), SECOND, SECOND);
        assert!(text.len() < LONGEST, "{}", text.len());
    }

    #[test]
    fn times_are_written_exactly_and_never_as_none() {
        assert_eq!(seconds(Duration::from_millis(61_005)), "61.005");
        assert_eq!(seconds(Duration::ZERO), "0.001");
        assert_eq!(seconds(Duration::from_nanos(1)), "0.001");
    }

    #[test]
    fn a_marker_is_a_whole_line_of_its_own() {
        let nonce = Nonce("0123".to_owned());
        let find = |text: &str| Marker::find(text.as_bytes(), &nonce);
        let found = find("noise\n0123 42 bash\nrest").unwrap();
        assert_eq!(
            (found.words, found.after),
            (vec!["42".to_owned(), "bash".to_owned()], 19)
        );
        for none in [
            "",
            "0123 42\n",
            "\n0123 42",
            "\n0124 42\n",
            "+ printf '\\n0123 42\\n'",
        ] {
            assert_eq!(find(none), None, "{none:?}");
        }
    }

    #[test]
    fn two_nonces_differ() {
        assert_ne!(Nonce::draw().unwrap(), Nonce::draw().unwrap());
    }

    /// Starts a session as a server does, and asks after `meanwhile` what is left of it.
    #[track_caller]
    fn left(script: &str, as_user: Option<u32>, found_by: Option<&str>) -> String {
        let nonce = Nonce::draw().unwrap();
        let text = gate(&nonce, PATH, script, SECOND * 20, SECOND);
        let mut child = Command::new("setsid")
            .args(["bash", "-c", &text])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .uid(as_user.unwrap_or(rustix::process::geteuid().as_raw()))
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{}\n", nonce.as_str()).as_bytes())
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines
            .find(|line| line.as_ref().unwrap() == "begun")
            .unwrap()
            .unwrap();
        let own = Nonce::draw().unwrap();
        let gate = Nonce(found_by.unwrap_or(nonce.as_str()).to_owned());
        let mut asked = Command::new("dash");
        asked.args(["-c", &end(&own, PATH, child.id(), &gate, SECOND)]);
        if let Some(user) = as_user {
            asked.uid(user);
        }
        let answer = asked.output().unwrap().stdout;
        let words = Marker::find(&answer, &own).unwrap().words;
        if found_by.is_some() {
            child.wait().unwrap();
            return words.join(" ");
        }
        // Whatever is still there is ended by those who may.
        let rest = end(
            &Nonce("rest".to_owned()),
            PATH,
            child.id(),
            &nonce,
            Duration::ZERO,
        );
        Command::new("bash").args(["-c", &rest]).output().unwrap();
        child.wait().unwrap();
        words.join(" ")
    }

    #[test]
    fn what_can_be_ended_is_ended_and_nothing_is_left() {
        assert_eq!(left("echo begun; sleep 20", None, None), "0");
        assert_eq!(
            left("echo begun; sleep 20 | sleep 20 & sleep 20", None, None),
            "0"
        );
        assert_eq!(
            left(
                "trap '' TERM INT HUP; echo begun; sleep 20; sleep 20",
                None,
                None
            ),
            "0"
        );
        assert_eq!(left("echo begun; timeout 20 sleep 20", None, None), "0");
        assert_eq!(left("echo begun; kill -STOP $$", None, None), "0");
    }

    #[test]
    fn a_session_that_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("ended");
        let script = format!("trap 'echo > {}' TERM; echo begun; sleep 1", mark.display());
        assert_eq!(left(&script, None, Some("another")), "0");
        assert!(!mark.exists(), "it was ended all the same");
    }

    #[test]
    fn what_belongs_to_another_user_is_left_and_counted() {
        if !rustix::process::geteuid().is_root() || !Path::new("/usr/bin/setpriv").exists() {
            eprintln!("SKIPPED: this needs root and setpriv");
            return;
        }
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        let raise = dir.path().join("raise");
        std::fs::copy("/usr/bin/setpriv", &raise).unwrap();
        let mode = std::fs::Permissions::from_mode;
        std::fs::set_permissions(&raise, mode(0o4755)).unwrap();
        std::fs::set_permissions(dir.path(), mode(0o755)).unwrap();
        let script = format!(
            "{} --reuid 0 sleep 19 & sleep 0.3; echo begun; wait",
            raise.display()
        );
        assert_eq!(left(&script, Some(65_534), None), "1");
    }
}
