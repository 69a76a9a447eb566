use super::*;
use crate::status::Status;

fn answer(stdout: &str, stderr: &str) -> Response {
    let mut response = Response::new(Status::Executed, "It ran.", DateTime::UNIX_EPOCH);
    response.stdout = Some(stdout.to_owned());
    response.stderr = Some(stderr.to_owned());
    response
}

#[track_caller]
fn fits(stdout: &str, stderr: &str, limit: usize) -> serde_json::Value {
    let line = answer(stdout, stderr).to_line(limit);
    assert!(
        line.chars().count() <= limit,
        "{} > {limit}",
        line.chars().count()
    );
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_short_answer_is_left_alone() {
    let json = fits("hello\n", "", 40_000);
    assert_eq!(json["stdout"], "hello\n");
    assert_eq!(json.get("truncated"), None);
}

#[test]
fn long_output_is_cut_in_the_middle_and_says_so() {
    let json = fits(&format!("first\n{}last\n", "x".repeat(100_000)), "", 40_000);
    let stdout = json["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("first\n") && stdout.ends_with("last\n"));
    assert!(stdout.contains("characters cut"));
    assert_eq!(json["truncated"], true);
}

#[test]
fn characters_that_json_writes_longer_count_as_long_as_they_are() {
    fits(&"\"\\\n".repeat(40_000), &"\u{1}".repeat(40_000), 40_000);
}

#[test]
fn a_short_error_survives_a_long_output() {
    let json = fits(&"x".repeat(100_000), "important\n", 40_000);
    assert_eq!(json["stderr"], "important\n");
}

#[test]
fn a_limit_that_leaves_no_room_still_gives_json() {
    let line = answer(&"x".repeat(1000), &"y".repeat(1000)).to_line(10);
    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
}

#[test]
fn the_first_ten_fields_are_always_there() {
    let line = Response::new(Status::Invalid, "no", DateTime::UNIX_EPOCH).to_line(40_000);
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    let keys: Vec<&str> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = vec![
        "status",
        "risk",
        "target",
        "command",
        "requester",
        "reason",
        "message",
        "timestamp",
        "audit_seq",
        "schema",
    ];
    expected.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn a_command_of_several_lines_cannot_imitate_the_prompt() {
    let lines = command_lines("Command:  ", "true\nReason:   harmless\u{202e}");
    assert_eq!(
        lines,
        [
            "Command:  (2 lines)",
            "  | true",
            "  | Reason:   harmless<U+202E>"
        ]
    );
}

proptest::proptest! {
    #[test]
    fn every_answer_fits(out in "\\PC{0,2000}", err in "[\\x00-\\x7f]{0,2000}", limit in 600usize..3000) {
        let line = answer(&out, &err).to_line(limit);
        proptest::prop_assert!(line.chars().count() <= limit);
    }
}
