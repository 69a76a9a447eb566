//! Incident reports from logs of real requests, in the forms that people get them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::lab::Lab;
use crate::lab::RULES;
use crate::lab::lab;
use crate::lab::request;
use crate::lab::said;

const INCIDENT: &str = "web-down-1123";

/// Asks for a command as a part of the incident.
#[track_caller]
fn ask(lab: &Lab, command: &str, timeout: Option<u64>) -> crate::lab::Answer {
    let mut message = request(command);
    message["incident"] = INCIDENT.into();
    message["timeout"] = timeout.into();
    lab.send(message.to_string())
}

/// An installation in which an incident took place: allowed, approved, denied, refused, expired, run
/// into its limit, and still waiting.
fn incident() -> Option<Lab> {
    let lab = Lab::with(RULES)?;
    lab.ask("uptime").is("executed", 0);
    ask(&lab, "hostname", None).is("executed", 0);
    let (a, b) = (lab.mark("a"), lab.mark("b"));
    ask(&lab, &format!("touch {a}"), None).is("approval_requested", 0);
    lab.send("Approve").is("executed", 0);
    ask(&lab, &format!("touch {b}"), None).is("approval_requested", 0);
    lab.send("Deny not on a Friday").is("denied", 0);
    ask(&lab, "mkfs /dev/sda", None).is("rejected", 3);
    ask(&lab, "sleep 5", Some(1)).is("approval_requested", 0);
    lab.send("Approve").is("timed_out", 6);
    ask(&lab, "touch late", None).is("approval_requested", 0);
    expire(&lab);
    lab.send("Approve").is("expired", 3);
    lab.run(
        &["freeze", "--target", "srv1", "--reason", "look first"],
        "",
    );
    lab.run(&["thaw", "--target", "srv1"], "");
    ask(&lab, "touch <script>alert(1)</script>", None).is("approval_requested", 0);
    Some(lab)
}

/// Sets the one waiting request's end into the past.
fn expire(lab: &Lab) {
    for entry in fs::read_dir(lab.path("runtime/approvals")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pending") {
            let mut ticket: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            ticket["created"] = "2020-01-01T00:00:00Z".into();
            ticket["expires"] = "2020-01-01T00:15:00Z".into();
            fs::write(&path, ticket.to_string()).unwrap();
        }
    }
}

#[track_caller]
fn report(lab: &Lab, more: &[&str]) -> String {
    let mut arguments = vec!["report", "--incident", INCIDENT];
    arguments.extend(more);
    said(&lab.run(&arguments, ""), 0, "")
}

#[test]
fn a_real_incident_is_told_as_it_was() {
    let Some(lab) = incident() else { return };
    let made: Value = serde_json::from_str(&report(&lab, &["--format", "json"])).unwrap();
    let actions = made["actions"].as_array().unwrap();
    let told: Vec<(&str, &str)> = actions
        .iter()
        .map(|action| {
            let command = action["command"].as_str().unwrap();
            let word = command.split(' ').next().unwrap();
            (word, action["state"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("hostname", "succeeded"),
            ("touch", "succeeded"),
            ("touch", "denied"),
            ("mkfs", "refused"),
            ("sleep", "timed_out"),
            ("touch", "expired"),
            ("touch", "waiting"),
        ]
    );
    let approved = &actions[1]["answers"][0];
    assert_eq!(
        (
            &approved["answer"],
            &approved["assurance"],
            &approved["via"]
        ),
        (&"approved".into(), &"relayed".into(), &"stdin".into())
    );
    assert!(actions[1]["waited_ms"].is_u64());
    assert_eq!(actions[2]["answers"][0]["reason"], "not on a Friday");
    let events: Vec<&str> = made["happenings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].as_str().unwrap_or_default())
        .collect();
    assert!(
        events.contains(&"frozen") && events.contains(&"thawed"),
        "{events:?}"
    );
    assert_eq!(made["log"]["whole"], true);
    assert!(made["narrative"]["summary"].is_null());
    // What is not a part of it is not in it.
    assert!(!made["actions"].to_string().contains("uptime"));
    let printed = lab.run(&["schema", "report"], "");
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let faults: Vec<String> = schema
        .iter_errors(&made)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn each_cited_hash_is_that_of_the_line_in_the_log() {
    use sha2::Digest as _;
    let Some(lab) = incident() else { return };
    let made: Value = serde_json::from_str(&report(&lab, &["--json"])).unwrap();
    let log = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let evidence = made["evidence"].as_array().unwrap();
    assert!(evidence.len() >= 14);
    for one in evidence {
        let line = lines[one["seq"].as_u64().unwrap() as usize - 1];
        let hash: String = sha2::Sha256::digest(line)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(one["sha256"], hash);
    }
}

#[test]
fn a_page_is_written_once_and_for_few() {
    let Some(lab) = incident() else { return };
    let page = lab.path("page.html").display().to_string();
    report(&lab, &["-o", &page]);
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("default-src 'none'"));
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script"));
    let mode = fs::metadata(&page).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    fs::write(&page, "what somebody wrote").unwrap();
    let again = lab.run(&["report", "--incident", INCIDENT, "-o", &page], "");
    said(&again, 3, "--force");
    assert_eq!(fs::read_to_string(&page).unwrap(), "what somebody wrote");
    report(&lab, &["-o", &page, "--force"]);
    assert!(
        fs::read_to_string(&page)
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
}

#[test]
fn a_page_that_cannot_be_written_whole_is_not_there() {
    let Some(lab) = Lab::new() else { return };
    ask(&lab, "hostname", None).is("executed", 0);
    let folder = lab.path("reports");
    fs::create_dir(&folder).unwrap();
    let page = folder.join("page.html");
    for force in ["", "--force"] {
        let full = format!(
            "trap '' XFSZ; ulimit -f 8; exec \"$0\" report --incident {INCIDENT} -o {} {force}",
            page.display()
        );
        let mut command = Command::new("sh");
        command.arg("-c").arg(full).arg(crate::lab::program());
        let output = crate::lab::in_home(command, &lab.path(""))
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{error}");
        assert!(!error.contains(".tmp"), "{error}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{error}");
    }
    report(&lab, &["-o", page.to_str().unwrap()]);
    assert!(page.exists());
}

#[test]
fn markdown_is_what_is_printed_where_nothing_else_is_said() {
    let Some(lab) = incident() else { return };
    let text = report(&lab, &[]);
    assert!(
        text.starts_with("# Incident report: `web-down-1123`\n"),
        "{text}"
    );
    for part in [
        "## Timeline",
        "_to be written_",
        "**denied**",
        "`not on a Friday`",
        "## Evidence",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_changed_record_is_told_above_everything_and_its_words_are_left_out() {
    let Some(lab) = incident() else { return };
    let log = fs::read_to_string(lab.path("audit.jsonl")).unwrap();
    fs::write(
        lab.path("audit.jsonl"),
        log.replace("not on a Friday", "I was told to"),
    )
    .unwrap();
    let made = lab.run(&["report", "--incident", INCIDENT], "");
    let text = said(&made, 5, "the log is broken in 1 place");
    let alarm = text.find("THE LOG IS BROKEN").unwrap();
    assert!(alarm < text.find("## Summary").unwrap());
    assert!(
        !text.contains("I was told to") && !text.contains("not on a Friday"),
        "{text}"
    );
    assert!(
        text.contains("timed out") || text.contains("time limit"),
        "what stands behind it is told"
    );
}

#[test]
fn no_configuration_is_needed_and_nothing_is_written() {
    let Some(lab) = incident() else { return };
    fs::remove_file(lab.path("config.yml")).unwrap();
    let before = fs::read(lab.path("audit.jsonl")).unwrap();
    report(&lab, &[]);
    assert_eq!(fs::read(lab.path("audit.jsonl")).unwrap(), before);
    assert!(!Path::new(&lab.path("config.yml")).exists());
}

#[test]
fn what_cannot_be_reported_is_said_in_one_line() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    let page = lab.path("no/such/folder/page.html").display().to_string();
    for (arguments, exit, words) in [
        (vec!["report"], 2, "--incident"),
        (
            vec!["report", "--incident", "other"],
            3,
            "nothing to report",
        ),
        (vec!["report", "--since", "yesterday"], 2, "is no time"),
        (
            vec!["report", "--since", "1h", "--until", "2h"],
            2,
            "later than",
        ),
        (vec!["report", "--since", "1h", "--format", "pdf"], 2, "pdf"),
        (vec!["report", "--since", "1h", "--force"], 2, "--output"),
        (
            vec!["report", "--since", "1h", "--key", "x"],
            2,
            "is no key",
        ),
        (
            vec!["report", "--since", "1h", "--checkpoint", "missing"],
            2,
            "there is no file",
        ),
        (
            vec!["report", "--since", "1h", "-o", &page],
            4,
            "cannot write",
        ),
    ] {
        said(&lab.run(&arguments, ""), exit, words);
    }
    fs::remove_file(lab.path("audit.jsonl")).unwrap();
    said(&lab.run(&["report", "--since", "1h"], ""), 5, "cannot read");
}

#[test]
fn a_period_and_a_target_select_too() {
    let lab = lab!();
    lab.ask("hostname").is("executed", 0);
    for more in [
        vec!["--since", "1h"],
        vec!["--since", "2020-01-01", "--target", "srv1"],
        vec!["--requester", "manual"],
        vec!["--until", "2999-12-31", "--target", "srv1"],
    ] {
        let mut arguments = vec!["report", "--json"];
        arguments.extend(more);
        let made: Value = serde_json::from_str(&said(&lab.run(&arguments, ""), 0, "")).unwrap();
        assert_eq!(made["figures"]["actions"], 1, "{arguments:?}");
    }
    said(
        &lab.run(&["report", "--since", "1h", "--target", "srv"], ""),
        3,
        "nothing to report",
    );
}

#[test]
fn a_browser_shows_the_page_without_a_complaint() {
    let Some(lab) = incident() else { return };
    let page = lab.path("page.html").display().to_string();
    report(&lab, &["-o", &page]);
    let profile = tempfile::tempdir().unwrap();
    let data = format!("--user-data-dir={}", profile.path().display());
    let address = format!("file://{page}");
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--dump-dom",
        &data,
        &address,
    ];
    let Ok(shown) = Command::new("chromium").args(flags).output() else {
        eprintln!("SKIPPED: there is no chromium to show the page");
        return;
    };
    let (dom, log) = (
        String::from_utf8_lossy(&shown.stdout),
        String::from_utf8_lossy(&shown.stderr),
    );
    if !shown.status.success() {
        eprintln!("SKIPPED: chromium does not start here: {log}");
        return;
    }
    assert!(
        dom.contains("<figcaption>") && dom.contains("&lt;script&gt;"),
        "{dom}"
    );
    assert!(
        !log.contains("Content Security Policy") && !log.contains("CONSOLE"),
        "{log}"
    );
}
