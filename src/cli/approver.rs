//! `approver`: who approves by a code from their phone.
//!
//! **Reads** the files of the approvers; at an enrolment on a terminal a first code.
//! **Gives** a new secret to look at once, and a record of every change before it is made.
//! **Never** lets anybody but an admin change something.

use std::io;
use std::io::BufRead;
use std::io::Write;

use chrono::DateTime;
use chrono::TimeDelta;
use chrono::Utc;
use clap::Args;
use clap::Subcommand;
use serde_json::Value;
use serde_json::json;

use super::Format;
use super::Stop;
use super::World;
use super::people::LINE_BYTES;
use super::people::minutes;
use super::setup::counted;
use super::stamped;
use super::table::Table;
use crate::audit::AuditLog;
use crate::audit::Event;
use crate::audit::Record;
use crate::caller::name_of;
use crate::config::Config;
use crate::factor;
use crate::factor::Enrolment;
use crate::factor::Factors;
use crate::factor::Name;
use crate::factor::RecoveryCodes;
use crate::factor::State;
use crate::factor::Tried;
use crate::request::Factor;
use crate::status::Status;
use crate::status::exit;

mod paper;

/// `approver`.
#[derive(Debug, Subcommand)]
pub(super) enum ApproverCommand {
    /// Make a secret for somebody's phone, and recovery codes, and show them once
    ///
    /// On a terminal it asks for a code that the phone shows, and enrols only when it is right.
    Enroll(EnrollArgs),
    /// List who is enrolled, and what was tried
    List(Format),
    /// Forget somebody: no code of theirs is good any more
    Remove {
        /// Whom
        name: String,
    },
    /// Make new recovery codes for somebody; all earlier ones are void
    Recovery {
        /// For whom
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// End the wait after too many wrong codes
    Unlock,
}

/// `approver enroll`.
#[derive(Debug, Args)]
pub(super) struct EnrollArgs {
    /// Who it is, in the form of a Unix user's name
    name: String,
    /// Enrol somebody again: the earlier secret and recovery codes are void
    #[arg(long)]
    again: bool,
    /// Enrol at once, without asking for a code
    #[arg(long)]
    yes: bool,
    /// Print the QR code even where standard output is no terminal
    #[arg(long, conflicts_with = "json")]
    qr: bool,
    /// Print JSON, and enrol at once
    #[arg(long)]
    json: bool,
}

/// Does what was asked for.
pub(super) fn run(
    world: &World,
    asked: &ApproverCommand,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Stop> {
    let office = Office::open(world)?;
    match asked {
        ApproverCommand::Enroll(asked) => office.enroll(asked, out, err),
        ApproverCommand::List(format) => office.list(format.json, out),
        ApproverCommand::Remove { name } => office.remove(name, out),
        ApproverCommand::Recovery { name, format } => office.recovery(name, format.json, out),
        ApproverCommand::Unlock => office.unlock(out),
    }
}

/// What every one of these commands works with.
struct Office<'w> {
    world: &'w World,
    config: Config,
    factors: Factors,
}

impl<'w> Office<'w> {
    fn open(world: &'w World) -> Result<Self, Stop> {
        let config = Config::load(&world.home)?;
        let factors = Factors::new(world.home.approvers(), config.factors.clone());
        Ok(Self {
            world,
            config,
            factors,
        })
    }

    fn enroll(
        &self,
        asked: &EnrollArgs,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> Result<u8, Stop> {
        let name = parsed(&asked.name)?;
        self.admin(Some(&name))?;
        may_be_enrolled(&self.factors.open()?, &name, asked.again)?;
        let fresh = Enrolment::fresh()?;
        let uri = fresh.uri(&name, &paper::hostname());
        let shown = if asked.json {
            let codes: Vec<&str> = fresh.recovery().iter().collect();
            let (secret, name) = (fresh.secret(), name.as_str());
            format!(
                "{}\n",
                json!({"name": name, "uri": uri, "secret": secret, "recovery": codes})
            )
        } else {
            let with_qr = asked.qr || self.world.stdout_is_terminal;
            let qr = with_qr
                .then(|| paper::qr(&uri, self.world.colour))
                .flatten();
            paper::on_paper(&fresh, &uri, qr.as_deref())
        };
        if self.world.stdin_is_terminal && !asked.yes && !asked.json {
            writeln!(out, "{shown}")?;
            out.flush()?;
            let step = confirmed(&fresh, self.world.now, &mut io::stdin().lock(), err)?;
            self.keep(&name, &fresh, Some(step), asked.again)?;
            writeln!(
                out,
                "`{name}` is enrolled. That code is spent: the next one approves."
            )?;
            return Ok(exit::ANSWERED);
        }
        self.keep(&name, &fresh, None, asked.again)?;
        write!(out, "{shown}")?;
        if !asked.json {
            writeln!(out, "\n`{name}` is enrolled.")?;
        }
        Ok(exit::ANSWERED)
    }

    /// Records the enrolment, then makes it true.
    fn keep(
        &self,
        name: &Name,
        fresh: &Enrolment,
        used: Option<i64>,
        again: bool,
    ) -> Result<(), Stop> {
        let open = self.factors.open()?;
        let by = &self.world.caller.user;
        // Somebody else may have been quicker.
        let message = if may_be_enrolled(&open, name, again)? {
            format!(
                "`{by}` enrolled `{name}` again; the earlier secret and recovery codes are void."
            )
        } else {
            format!("`{by}` enrolled `{name}`, who may now approve by a code from a phone.")
        };
        self.record("enrolled", Some(name), message)?;
        open.enroll(name, fresh, used, by, (self.world.now)())?;
        Ok(())
    }

    fn remove(&self, name: &str, out: &mut dyn Write) -> Result<u8, Stop> {
        let name = parsed(name)?;
        self.admin(Some(&name))?;
        let open = self.factors.open()?;
        is_enrolled(&open, &name)?;
        let by = &self.world.caller.user;
        let message = format!("`{by}` removed `{name}`, whose codes are not good any more.");
        self.record("removed", Some(&name), message)?;
        open.remove(&name)?;
        writeln!(out, "`{name}` is removed.")?;
        Ok(exit::ANSWERED)
    }

    fn recovery(&self, name: &str, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
        let name = parsed(name)?;
        self.admin(Some(&name))?;
        let open = self.factors.open()?;
        is_enrolled(&open, &name)?;
        open.check(&name)?;
        let codes = RecoveryCodes::fresh()?;
        let by = &self.world.caller.user;
        let message =
            format!("`{by}` made new recovery codes for `{name}`; the earlier ones are void.");
        self.record("recovery_renewed", Some(&name), message)?;
        open.renew(&name, &codes)?;
        if json {
            let codes: Vec<&str> = codes.iter().collect();
            writeln!(out, "{}", json!({"name": name.as_str(), "recovery": codes}))?;
        } else {
            write!(out, "{}", paper::listed(&codes))?;
            writeln!(
                out,
                "\nThey are not shown again; all earlier ones are void."
            )?;
        }
        Ok(exit::ANSWERED)
    }

    fn unlock(&self, out: &mut dyn Write) -> Result<u8, Stop> {
        self.admin(None)?;
        let open = self.factors.open()?;
        let by = &self.world.caller.user;
        let message = match self.factors.tries() {
            Ok(None) => {
                writeln!(out, "There was no wrong code since the last right one.")?;
                return Ok(exit::ANSWERED);
            }
            Ok(Some(tries)) => {
                let codes = counted(tries.wrong as usize, "wrong code");
                format!("`{by}` began the count of wrong codes anew, after {codes}.")
            }
            Err(fault) => format!("`{by}` began the count of wrong codes anew: {fault}."),
        };
        self.record("unlocked", None, message)?;
        open.unlock()?;
        writeln!(out, "Codes are looked at again.")?;
        Ok(exit::ANSWERED)
    }

    /// Lists everybody. Exit code 1 where a file cannot be used.
    fn list(&self, json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
        let listed = self.factors.list()?;
        let tries = self.factors.tries();
        let broken = |one: &factor::Listed| matches!(one.state, State::Broken { .. });
        let good = tries.is_ok() && !listed.iter().any(broken);
        let exit = if good { exit::ANSWERED } else { exit::FOUND };
        if json {
            let approvers: Vec<Value> = listed.iter().map(paper::as_json).collect();
            let tries = paper::tries_as_json(tries);
            writeln!(out, "{}", json!({"approvers": approvers, "tries": tries}))?;
            return Ok(exit);
        }
        if listed.is_empty() {
            writeln!(out, "Nobody approves by a code from a phone.")?;
        } else {
            let mut table = Table::new(&["NAME", "ENROLLED", "BY", "RECOVERY CODES LEFT"]);
            for one in &listed {
                paper::add(&mut table, one);
            }
            table.print(out, self.world.colour)?;
        }
        match tries {
            Ok(None) => {}
            Ok(Some(tries)) => writeln!(out, "{}", paper::said(&tries, (self.world.now)()))?,
            Err(fault) => writeln!(out, "{fault}")?,
        }
        Ok(exit)
    }

    /// Lets only an admin pass. An attempt of anybody else is worth a record.
    fn admin(&self, name: Option<&Name>) -> Result<(), Stop> {
        let caller = &self.world.caller;
        let own = rustix::process::geteuid().as_raw();
        if caller.is_admin(own) {
            return Ok(());
        }
        let message = format!(
            "`{}` may not change who approves; an admin has to, as root: `sudo sudo -u {} /opt/aiops/aiops approver …`",
            caller.user,
            name_of(own)
        );
        // It is refused whether or not it can be recorded.
        let _ = self.record(Status::Rejected.word(), name, format!("{message}."));
        Err(Stop::Said(message, exit::REFUSED))
    }

    fn record(&self, status: &str, name: Option<&Name>, message: String) -> Result<(), Stop> {
        let home = &self.world.home;
        let log = AuditLog::open(home, self.config.audit.clone())?;
        let record = Record {
            status: Some(status.to_owned()),
            message: Some(message),
            approver: name.map(ToString::to_string),
            policy: Some(self.config.digest.clone()),
            ..stamped(self.world, Event::Approver)
        };
        log.append(record.redacted(&self.config.redaction))?;
        Ok(())
    }
}

impl From<factor::Error> for Stop {
    fn from(fault: factor::Error) -> Self {
        Self::Said(fault.to_string(), exit::CONFIG)
    }
}

fn parsed(name: &str) -> Result<Name, Stop> {
    Name::parse(name).map_err(|fault| {
        let message = format!("`{}`: {fault}", crate::visible::line(name));
        Stop::Said(message, exit::INVALID)
    })
}

/// Whether somebody was enrolled before, where they may be enrolled now.
fn may_be_enrolled(open: &factor::Open<'_>, name: &Name, again: bool) -> Result<bool, Stop> {
    let known = open.has(name)?;
    if known && !again {
        let message = format!(
            "`{name}` is enrolled; with `--again` the earlier secret and recovery codes are void"
        );
        return Err(Stop::Said(message, exit::REFUSED));
    }
    Ok(known)
}

fn is_enrolled(open: &factor::Open<'_>, name: &Name) -> Result<(), Stop> {
    if open.has(name)? {
        return Ok(());
    }
    let message = format!("`{name}` is not enrolled; `aiops approver list` lists who is");
    Err(Stop::Said(message, exit::INVALID))
}

/// Asks until the phone shows that it has the secret; the step of the code that did.
fn confirmed(
    fresh: &Enrolment,
    now: fn() -> DateTime<Utc>,
    input: &mut impl BufRead,
    err: &mut dyn Write,
) -> Result<i64, Stop> {
    for _ in 0..QUESTIONS {
        write!(err, "The code that the phone shows now: ")?;
        err.flush()?;
        let mut said = Vec::new();
        let mut line = io::Read::take(&mut *input, LINE_BYTES);
        if line.read_until(b'\n', &mut said)? == 0 {
            break;
        }
        // Phones show it in two halves.
        let said = String::from_utf8_lossy(&said).replace([' ', '\n', '\r'], "");
        let tried = Factor::parse(&said).map_or(Tried::Wrong, |code| fresh.tried(&code, now()));
        match tried {
            Tried::Right(step) => return Ok(step),
            Tried::Off(off) => writeln!(
                err,
                "That code is of another time: the phone's clock is {} this machine's. Set the wrong one right.",
                apart(off)
            )?,
            Tried::Wrong => writeln!(err, "That code is wrong.")?,
        }
    }
    let message = "not enrolled: no right code was given; what was shown above is good for nothing";
    Err(Stop::Said(message.to_owned(), exit::REFUSED))
}

fn apart(off: TimeDelta) -> String {
    let way = if off > TimeDelta::zero() {
        "ahead of"
    } else {
        "behind"
    };
    format!("about {} {way}", minutes(off.abs()))
}

/// How often a code is asked for.
const QUESTIONS: usize = 3;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NOON: i64 = 1_800_000_000;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(NOON, 0).unwrap()
    }

    /// What the phone shows so many seconds after noon.
    fn code(fresh: &Enrolment, seconds: i64) -> String {
        let secret = totp_rs::Secret::try_from_base32(fresh.secret()).unwrap();
        let phone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        phone
            .generate(u64::try_from(NOON + seconds).unwrap())
            .to_string()
    }

    /// An enrolment no two codes of which are alike for a while, or a test could fail by chance.
    fn fresh() -> Enrolment {
        loop {
            let fresh = Enrolment::fresh().unwrap();
            let codes: BTreeSet<String> = (-60..60).map(|n| code(&fresh, n * 30)).collect();
            if codes.len() == 120 {
                return fresh;
            }
        }
    }

    fn asked(fresh: &Enrolment, lines: &str) -> (Result<i64, Stop>, String) {
        let mut err = Vec::new();
        let found = confirmed(fresh, noon, &mut lines.as_bytes(), &mut err);
        (found, String::from_utf8(err).unwrap())
    }

    #[test]
    fn a_right_code_confirms_in_one_of_three_tries() {
        let fresh = fresh();
        let right = code(&fresh, 0);
        let (front, back) = right.split_at(3);
        for lines in [
            format!("{right}\n"),
            format!(" {front} {back}\r\n"),
            format!("\nhello\n{right}"),
        ] {
            let (found, said) = asked(&fresh, &lines);
            assert_eq!(found.unwrap(), NOON / 30, "{said}");
        }
    }

    #[test]
    fn what_is_no_right_code_enrols_nobody() {
        let fresh = fresh();
        let right = code(&fresh, 0);
        let paper = fresh.recovery().iter().next().unwrap().to_owned();
        for lines in [
            String::new(),
            format!("x\nx\nx\n{right}\n"),
            format!("{paper}\n"),
            format!("{}{right}\n", " ".repeat(255)),
            format!("{}\n", code(&fresh, 900)),
        ] {
            let (found, said) = asked(&fresh, &lines);
            assert!(
                matches!(found, Err(Stop::Said(_, exit::REFUSED))),
                "{lines:?} {said}"
            );
            assert!(!said.contains(&fresh.secret()));
        }
    }

    #[test]
    fn a_phone_whose_clock_is_off_is_told_so() {
        let fresh = fresh();
        let (_, said) = asked(&fresh, &format!("{}\n", code(&fresh, 240)));
        assert!(
            said.contains("about 4m00s ahead of this machine's"),
            "{said}"
        );
        let (_, said) = asked(&fresh, &format!("{}\n", code(&fresh, -90)));
        assert!(said.contains("about 1m30s behind this machine's"), "{said}");
    }
}
