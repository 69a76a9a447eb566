//! What `approver` shows: an enrolment, and who is enrolled.
//!
//! **Reads** the name of this machine.
//! **Gives** text, a QR code for a terminal, and JSON.
//! **Never** shows a secret but of an enrolment that is under way.

use std::fs;

use chrono::DateTime;
use chrono::Utc;
use qrcode::EcLevel;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::Value;
use serde_json::json;

use crate::audit;
use crate::cli::setup::counted;
use crate::cli::table::Table;
use crate::factor;
use crate::factor::Enrolment;
use crate::factor::RecoveryCodes;
use crate::factor::State;
use crate::factor::Tries;
use crate::visible;

/// The whole enrolment as a person needs it, once.
pub(super) fn on_paper(fresh: &Enrolment, uri: &str, qr: Option<&str>) -> String {
    let secret: Vec<char> = fresh.secret().chars().collect();
    let groups: Vec<String> = secret.chunks(4).map(|four| four.iter().collect()).collect();
    let (scan, qr) = match qr {
        Some(qr) => (
            "Scan this with an app for one-time codes",
            format!("{qr}\n\n"),
        ),
        None => ("Give this to an app for one-time codes", String::new()),
    };
    format!(
        "{scan} (by time, SHA-1, 6 digits, 30 seconds):\n\n{qr}{uri}\nSecret: {}\n\n{}\nNone of this is shown again.\n",
        groups.join(" "),
        listed(fresh.recovery())
    )
}

pub(super) fn listed(codes: &RecoveryCodes) -> String {
    let codes: String = codes.iter().map(|code| format!("  {code}\n")).collect();
    format!("Recovery codes for a day without the phone, each good once:\n{codes}")
}

/// The text as a QR code. In colour its dark is dark on any terminal; without, it is made for
/// light letters on a dark ground.
pub(super) fn qr(text: &str, colour: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (dark, light) = if colour {
        (Dense1x2::Dark, Dense1x2::Light)
    } else {
        (Dense1x2::Light, Dense1x2::Dark)
    };
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(dark)
        .light_color(light)
        .build();
    let paint = |line: &str| {
        if colour {
            // Black on white, of ECMA-48.
            format!("\u{1b}[30;107m{line}\u{1b}[0m")
        } else {
            line.to_owned()
        }
    };
    Some(drawn.lines().map(paint).collect::<Vec<String>>().join("\n"))
}

/// The name of this machine, for the phone to show.
pub(super) fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "gateway".to_owned(),
        name => name.to_owned(),
    }
}

pub(super) fn add(table: &mut Table, one: &factor::Listed) {
    match &one.state {
        State::Enrolled {
            enrolled,
            enrolled_by,
            recovery_left,
        } => table.row(&[
            one.name.as_str(),
            &audit::stamp(*enrolled),
            enrolled_by,
            &recovery_left.to_string(),
        ]),
        State::Broken { fault } => table.row(&[one.name.as_str(), fault, "-", "-"]),
    }
}

pub(super) fn as_json(one: &factor::Listed) -> Value {
    let name = one.name.as_str();
    match &one.state {
        State::Enrolled {
            enrolled,
            enrolled_by,
            recovery_left,
        } => json!({
            "name": name,
            "enrolled": audit::stamp(*enrolled),
            "enrolled_by": enrolled_by,
            "recovery_left": recovery_left,
        }),
        State::Broken { fault } => json!({"name": name, "fault": fault}),
    }
}

pub(super) fn tries_as_json(tries: Result<Option<Tries>, factor::Error>) -> Value {
    match tries {
        Ok(None) => Value::Null,
        Ok(Some(tries)) => json!({
            "wrong": tries.wrong,
            "last": audit::stamp(tries.last),
            "by": tries.by,
            "until": tries.until.map(audit::stamp),
        }),
        Err(fault) => json!({"fault": fault.to_string()}),
    }
}

pub(super) fn said(tries: &Tries, now: DateTime<Utc>) -> String {
    let wait = match tries.wait(now) {
        Some(until) => format!("; no code is looked at before {}", audit::stamp(until)),
        None => String::new(),
    };
    format!(
        "{} since the last right one, the last at {} by `{}`{wait}.",
        counted(tries.wrong as usize, "wrong code"),
        audit::stamp(tries.last),
        visible::line(&tries.by)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qr_code_is_light_letters_on_dark_ground_or_painted() {
        let plain = qr("otpauth://totp/aiops:alice@gateway?secret=x", false).unwrap();
        let first = plain.lines().next().unwrap();
        assert!(
            first.chars().all(|c| c == '\u{2588}'),
            "a light margin: {first}"
        );
        let painted = qr("otpauth://totp/aiops:alice@gateway?secret=x", true).unwrap();
        for line in painted.lines() {
            assert!(line.starts_with("\u{1b}[30;107m") && line.ends_with("\u{1b}[0m"));
        }
        assert_eq!(plain.lines().count(), painted.lines().count());
        assert!(qr(&"x".repeat(10_000), true).is_none());
    }
}
