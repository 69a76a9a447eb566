//! The two records of a run, and its answer.
//!
//! **Reads** what came of the run.
//! **Gives** the part of [`Scribe`] that follows a run from its intent to its end.
//! **Never** holds an outcome back because it could not be recorded.

use std::net::IpAddr;
use std::time::Duration;

use super::Scribe;
use crate::audit;
use crate::audit::Event;
use crate::audit::OutputFacts;
use crate::audit::Record;
use crate::authorize;
use crate::authorize::Authorized;
use crate::outcome::Captured;
use crate::outcome::Concluded;
use crate::outcome::Outcome;
use crate::outcome::Transcript;
use crate::policy::Case;
use crate::response::Response;
use crate::ssh;
use crate::status::Status;
use crate::status::exit;
use crate::visible;

impl Scribe<'_> {
    /// The record before a run.
    pub(in crate::pipeline) fn intent(&self, case: &Case, limit: Duration) -> Record {
        let script = case.request().script();
        let mut record = self.record(Event::Intent);
        record.status = Some("started".to_owned());
        let host = case.target().host();
        record.host = Some(host.to_string());
        record.host_key = ssh::fingerprints(&ssh::pins(&self.line.ssh.known_hosts, host));
        let sent = script.to_send();
        if sent != script.text() {
            record.sent = Some(sent.into_owned());
        }
        record.limit_s = Some(limit.as_secs());
        self.clean(record)
    }

    /// The record after a run.
    pub(in crate::pipeline) fn outcome(
        &self,
        run: &Authorized,
        outcome: &Outcome,
        transcript: &Transcript,
        address: Option<IpAddr>,
    ) -> Record {
        let mut record = self.record(Event::Outcome);
        record.status = Some(outcome.status().word().to_owned());
        record.host = Some(run.case().target().host().to_string());
        record.host_address = address.map(|address| address.to_string());
        record.message = Some(outcome.message());
        record.exit_code = outcome.exit_code();
        record.signal = outcome.signal();
        record.stdout = Some(transcript.stdout.text.clone());
        record.stderr = Some(transcript.stderr.text.clone());
        record.stdout_facts = Some(facts(&transcript.stdout));
        record.stderr_facts = Some(facts(&transcript.stderr));
        record.duration_ms = Some(milliseconds(transcript.duration));
        self.clean(record)
    }

    /// The answer to a run. An outcome that could not be recorded is told all the same, and the
    /// exit code says that the log failed.
    pub(in crate::pipeline) fn concluded(&self, concluded: Concluded) -> Response {
        let Concluded {
            outcome,
            transcript,
            recorded,
            ..
        } = concluded;
        // It may hold what the other side said of a failure.
        let message = self.line.redaction.apply(&outcome.message());
        let mut answer = self.about(outcome.status(), message);
        answer.exit_code = outcome.exit_code();
        answer.signal = outcome.signal();
        answer.stdout = Some(self.shown(&transcript.stdout));
        answer.stderr = Some(self.shown(&transcript.stderr));
        answer.stdout_facts = Some(facts(&transcript.stdout));
        answer.stderr_facts = Some(facts(&transcript.stderr));
        let cut = transcript.stdout.truncated || transcript.stderr.truncated;
        answer.truncated = cut.then_some(true);
        answer.duration_ms = Some(milliseconds(transcript.duration));
        match recorded {
            Ok(receipt) => answer.audit_seq = Some(receipt.seq()),
            Err(fault) => {
                answer.status = Status::Error;
                answer.exit = exit::AUDIT;
                answer.message = format!(
                    "{} But its outcome could not be recorded: {fault}.",
                    answer.message
                );
            }
        }
        answer
    }

    fn shown(&self, captured: &Captured) -> String {
        let clean = self.line.redaction.apply(&captured.text);
        visible::output(&clean, &self.line.limits.client_markers)
    }

    /// Nothing ran, because it was not authorized after all.
    pub(in crate::pipeline) fn unauthorized(&self, fault: &authorize::Error) -> Response {
        match fault {
            authorize::Error::Frozen(frozen) if self.decision.is_some() => {
                self.not_thawed(frozen, USED_UP)
            }
            authorize::Error::Frozen(frozen) => self.frozen(frozen),
            authorize::Error::Log(fault) => self.intent_failed(fault),
        }
    }

    /// The intent could not be recorded, so nothing ran. An intent that was written and not synced
    /// may be on disk all the same; then its end is told too, as far as the log can take it.
    fn intent_failed(&self, fault: &audit::Error) -> Response {
        let mut answer = self.unrecorded(fault);
        if self.decision.is_some() {
            answer.message.push_str(USED_UP);
        }
        if matches!(fault, audit::Error::NotSynced { .. }) {
            let mut record = self.record(Event::Outcome);
            record.status = Some(Status::Error.word().to_owned());
            record.message = Some("it never started: its intent could not be synced".to_owned());
            let _ = self.line.log.append(self.clean(record));
        }
        answer
    }
}

fn facts(captured: &Captured) -> OutputFacts {
    OutputFacts {
        bytes: captured.bytes,
        sha256: captured.sha256.clone(),
        truncated: captured.truncated,
        not_utf8: captured.not_utf8,
    }
}

/// What becomes of an approval whose run was stopped between the two.
const USED_UP: &str = " The approval is used up; ask for the command again.";

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
