//! Logs for the tests of this room: invented, and chained as real ones are.
//!
//! **Reads** nothing.
//! **Gives** [`Sample`].
//! **Never** holds anything of a real installation.

use std::io;

use chrono::DateTime;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use super::Given;
use super::Line;
use super::Lines;
use super::Report;
use super::Selection;
use super::Signed;
use super::Source;
use super::gather::Error;
use super::gather::gather;
use crate::audit::GENESIS;
use crate::hex;

/// A log in memory.
#[derive(Default)]
pub(super) struct Sample {
    pub(super) lines: Vec<String>,
    pub(super) signed: Signed,
}

impl Source for Sample {
    fn lines(&self) -> io::Result<Lines<'_>> {
        Ok(Box::new(self.lines.iter().map(|line| {
            Ok(Line {
                bytes: line.clone().into_bytes(),
                torn: false,
                segment: 1,
            })
        })))
    }
}

impl Sample {
    /// Adds a record so many milliseconds after the sample's beginning.
    pub(super) fn add(&mut self, ms: i64, mut fields: Value) {
        let prev = self
            .lines
            .last()
            .map_or_else(|| GENESIS.to_owned(), |line| hex::of(&Sha256::digest(line)));
        let at = DateTime::from_timestamp_millis(BEGINNING + ms).unwrap();
        fields["timestamp"] = crate::audit::stamp(at).into();
        fields["schema"] = 2.into();
        fields["seq"] = (self.lines.len() + 1).into();
        fields["prev"] = prev.into();
        self.lines.push(fields.to_string());
    }

    /// The incident that most tests look at: a web server that did not answer.
    pub(super) fn incident() -> Self {
        let mut log = Self::default();
        let status = asked(
            "r1",
            "web1",
            "systemctl status nginx --no-pager",
            "auto_allowed",
        );
        log.add(0, with(&status, json!({"event": "intent", "status": "started", "limit_s": 60, "rule": "systemctl-read", "host": "aiops@192.0.2.10 port 22"})));
        log.add(412, with(&status, json!({"event": "outcome", "status": "executed", "exit_code": 3, "duration_ms": 412, "stdout": "nginx: failed (Result: exit-code)\n", "stderr": "", "stdout_facts": {"bytes": 34, "sha256": "5be0".repeat(16), "truncated": false, "not_utf8": false}})));
        let restart = asked("r2", "web1", "systemctl restart nginx", "approval_required");
        log.add(30_000, with(&restart, json!({"event": "request", "status": "approval_requested", "rule": "change-a-service", "digest": "9f2c".repeat(16)})));
        log.add(60_000, with(&restart, json!({"event": "approval", "status": "rejected", "approver": "hermes", "approver_uid": 1001, "approver_via": "stdin", "assurance": "relayed", "message": "Nothing ran: it takes an approver. The request is still waiting."})));
        let yes = with(
            &restart,
            json!({"approver": "alice", "approver_uid": 1002, "approver_via": "command", "approver_factor": "totp", "assurance": "second_factor", "approval_reason": "agreed with the shop", "waited_ms": 150_000}),
        );
        log.add(180_000, with(&yes, json!({"event": "intent", "status": "started", "limit_s": 60, "host": "aiops@192.0.2.10 port 22"})));
        log.add(182_000, with(&yes, json!({"event": "outcome", "status": "executed", "exit_code": 0, "duration_ms": 1_950, "stdout": "", "stderr": ""})));
        let drop = asked("r3", "db1", "dropdb shop", "approval_required");
        log.add(200_000, with(&drop, json!({"event": "request", "status": "approval_requested", "rule": "change-a-database"})));
        log.add(260_000, with(&drop, json!({"event": "approval", "status": "denied", "approver": "alice", "approver_uid": 1002, "approver_via": "command", "assurance": "out_of_band", "denial_reason": "not the database", "waited_ms": 60_000})));
        log.add(270_000, with(&asked("r4", "db1", "mkfs.ext4 /dev/sdb", "forbidden"), json!({"event": "decision", "status": "rejected", "rule": "no-mkfs", "message": "Rule `no-mkfs` forbids it."})));
        log.add(280_000, json!({"event": "freeze", "status": "frozen", "target": "db1", "caller": "alice", "caller_uid": 1002, "reason": "look first"}));
        log.add(
            300_000,
            with(
                &asked("r5", "web1", "curl -sS localhost", "auto_allowed"),
                json!({"event": "intent", "status": "started", "limit_s": 10}),
            ),
        );
        log
    }

    /// A report about all of it.
    pub(super) fn report(&self) -> Report {
        self.about(Selection {
            incident: Some(INCIDENT.to_owned()),
            ..Selection::default()
        })
        .unwrap()
    }

    /// A report about a part of it.
    pub(super) fn about(&self, selection: Selection) -> Result<Report, Error> {
        let given = Given {
            selection,
            title: None,
            now: DateTime::from_timestamp_millis(BEGINNING + 3_600_000).unwrap(),
            signed: self.signed.clone(),
        };
        gather(self, given, &mut |_| {})
    }
}

/// What a request's records share.
pub(super) fn asked(id: &str, target: &str, command: &str, risk: &str) -> Value {
    json!({
        "request_id": id, "target": target, "command": command, "risk": risk,
        "requester": "hermes", "reason": "the web page does not answer", "incident": INCIDENT,
        "caller": "hermes", "caller_uid": 1001, "caller_through": "sudo", "policy": "c03a".repeat(16),
    })
}

/// A run of something else, which no incident names.
pub(super) fn ran(id: &str, target: &str, command: &str, exit: Option<i32>) -> Value {
    json!({
        "event": if exit.is_some() { "outcome" } else { "intent" },
        "status": if exit.is_some() { "executed" } else { "started" },
        "request_id": id, "target": target, "command": command, "risk": "auto_allowed", "exit_code": exit,
    })
}

/// The same with more fields.
pub(super) fn with(fields: &Value, more: Value) -> Value {
    let mut fields = fields.clone();
    for (key, value) in more.as_object().unwrap() {
        fields[key] = value.clone();
    }
    fields
}

/// The incident of the sample.
pub(super) const INCIDENT: &str = "web-down-1123";

/// 2026-11-23T09:14:00Z.
const BEGINNING: i64 = 1_795_425_240_000;
