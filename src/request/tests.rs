use super::*;

fn limits() -> Limits {
    Limits {
        input_bytes: 256 * 1024,
        reason_bytes: 100,
        name_bytes: 20,
        timeout_max: Duration::from_secs(150),
        shell: shell::Limits::default(),
    }
}

#[track_caller]
fn request(json: &str) -> Request {
    match Input::parse(json.as_bytes(), &limits()) {
        Ok(Input::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn rejects(message: &str, expected: &str) {
    let error = Input::parse(message.as_bytes(), &limits()).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[track_caller]
fn replies(text: &str, expected: Reply) {
    match Input::parse(text.as_bytes(), &limits()) {
        Ok(Input::Reply(reply)) => assert_eq!(reply, expected, "{text:?}"),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn code(text: &str) -> Option<Code> {
    Some(Code::parse(text).unwrap())
}

#[test]
fn the_labs_request_is_understood() {
    let request =
        request(r#"{"target":"srv1","command":"hostname","requester":"manual","reason":"test"}"#);
    assert_eq!(request.target().as_str(), "srv1");
    assert_eq!(request.script().text(), "hostname");
    assert_eq!(request.to_draft().requester.as_deref(), Some("manual"));
}

#[test]
fn a_draft_survives_being_kept() {
    let request = request(
        r#" {"target":"srv1","command":"df -h","incident":"INC-1","conversation":"c","timeout":5,"dry_run":true}
        "#,
    );
    let again = Request::from_draft(request.to_draft(), &limits()).unwrap();
    assert_eq!(again.to_draft(), request.to_draft());
}

#[test]
fn null_is_as_good_as_absent_where_a_key_may_be_absent() {
    assert_eq!(
        request(r#"{"target":"a","command":"b","reason":null}"#)
            .to_draft()
            .reason,
        None
    );
}

#[test]
fn unknown_keys_are_named_with_the_known_ones() {
    rejects(
        r#"{"target":"a","command":"b","user":"root"}"#,
        &format!("unknown key `user`; known keys: {}", KNOWN_KEYS.join(", ")),
    );
}

#[test]
fn an_unknown_key_that_looks_like_a_secret_is_not_repeated() {
    rejects(
        r#"{"hunter2!":1}"#,
        &format!("unknown key; known keys: {}", KNOWN_KEYS.join(", ")),
    );
}

#[test]
fn a_key_given_twice_is_refused_even_with_the_same_value() {
    rejects(
        r#"{"target":"a","command":"b","target":"a"}"#,
        "`target` is given twice",
    );
    rejects(
        r#"{"target":"a","command":"b","reason":null,"reason":"x"}"#,
        "`reason` is given twice",
    );
}

#[test]
fn wrong_types_are_named_without_their_values() {
    rejects(
        r#"{"target":7,"command":"b"}"#,
        "`target` has to be a string",
    );
    rejects(
        r#"{"target":null,"command":"b"}"#,
        "`target` has to be a string",
    );
    rejects(
        r#"{"target":"a","command":["rm","-rf"]}"#,
        "`command` has to be a string",
    );
    rejects(
        r#"{"target":"a","command":"b","timeout":"5"}"#,
        "`timeout` has to be a whole number of seconds",
    );
    rejects(
        r#"{"target":"a","command":"b","timeout":-1}"#,
        "`timeout` has to be a whole number of seconds",
    );
    rejects(
        r#"{"target":"a","command":"b","timeout":1.5}"#,
        "`timeout` has to be a whole number of seconds",
    );
    rejects(
        r#"{"target":"a","command":"b","dry_run":"yes"}"#,
        "`dry_run` has to be true or false",
    );
}

#[test]
fn target_and_command_are_required_and_not_blank() {
    rejects(r#"{"command":"b"}"#, "`target` is missing");
    rejects(r#"{"target":"a"}"#, "`command` is missing");
    rejects(r#"{"target":"a","command":""}"#, "`command` is empty");
    rejects(r#"{"target":"a","command":" \n\t "}"#, "`command` is empty");
}

#[test]
fn a_target_cannot_be_an_option_or_a_path() {
    for target in ["-oProxyCommand=x", "../x", "a b"] {
        let json = format!(r#"{{"target":"{target}","command":"b"}}"#);
        assert!(matches!(
            Input::parse(json.as_bytes(), &limits()),
            Err(Malformed::Target(_))
        ));
    }
}

#[test]
fn control_characters_are_refused_by_their_number() {
    rejects(
        r#"{"target":"a","command":"b\u0000"}"#,
        "`command` holds the control character U+0000",
    );
    rejects(
        r#"{"target":"a","command":"b\u001b"}"#,
        "`command` holds the control character U+001B",
    );
    rejects(
        r#"{"target":"a","command":"b\r"}"#,
        "`command` holds the control character U+000D",
    );
    rejects(
        r#"{"target":"a","command":"b\u0085"}"#,
        "`command` holds the control character U+0085",
    );
    rejects(
        r#"{"target":"a","command":"b","requester":"x\ny"}"#,
        "`requester` holds the control character U+000A",
    );
}

#[test]
fn every_text_has_a_limit() {
    let json = |key: &str, n: usize| {
        format!(
            r#"{{"target":"a","command":"b","{key}":"{}"}}"#,
            "x".repeat(n)
        )
    };
    rejects(&json("reason", 101), "`reason` is longer than 100 bytes");
    rejects(
        &json("requester", 21),
        "`requester` is longer than 20 bytes",
    );
    rejects(
        &format!(r#"{{"target":"a","command":"{}"}}"#, "x".repeat(8193)),
        "`command` is longer than 8192 bytes",
    );
    rejects(
        &" ".repeat(256 * 1024 + 1),
        "the message is longer than 262144 bytes",
    );
}

#[test]
fn a_time_limit_stays_in_its_range() {
    rejects(
        r#"{"target":"a","command":"b","timeout":0}"#,
        "`timeout` has to be between 1 and 150 seconds",
    );
    rejects(
        r#"{"target":"a","command":"b","timeout":151}"#,
        "`timeout` has to be between 1 and 150 seconds",
    );
    assert_eq!(
        request(r#"{"target":"a","command":"b","timeout":150}"#).timeout(),
        Some(Duration::from_secs(150))
    );
}

#[test]
fn what_is_missing_of_who_asks_and_why_is_named() {
    let missing = |json: &str| request(json).missing_origin();
    assert_eq!(
        missing(r#"{"target":"a","command":"b","reason":"c"}"#),
        Some(Malformed::Missing("requester"))
    );
    assert_eq!(
        missing(r#"{"target":"a","command":"b","requester":"c","reason":"  "}"#),
        Some(Malformed::Missing("reason"))
    );
    assert_eq!(
        missing(r#"{"target":"a","command":"b","requester":"c","reason":"d"}"#),
        None
    );
}

#[test]
fn only_one_json_object_is_a_request() {
    let out_of_place =
        |what: &'static str, line, column| Malformed::NotJson { what, line, column }.to_string();
    rejects("", "the message is empty");
    rejects(" \n ", "the message is empty");
    rejects("[]", "the message is neither a JSON object nor a reply");
    rejects("\"x\"", "the message is neither a JSON object nor a reply");
    rejects("null", "the message is neither a JSON object nor a reply");
    rejects(
        "\u{feff}{}",
        "the message is neither a JSON object nor a reply",
    );
    rejects("{", &out_of_place("it ends too early", 1, 1));
    rejects("{,}", &out_of_place("a character is out of place", 1, 2));
    rejects(
        r#"{"target":"a","command":"b"} {"target":"a","command":"b"}"#,
        &out_of_place("something follows it", 1, 30),
    );
    rejects(
        "{\"target\":\"a\",\"command\":\"b\"}\nApprove",
        &out_of_place("something follows it", 2, 1),
    );
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let error = Input::parse(b"{\"target\":\"\xff\"}", &limits()).unwrap_err();
    assert_eq!(error, Malformed::NotUtf8(12));
}

#[test]
fn a_lone_surrogate_is_refused() {
    assert!(Input::parse(br#"{"target":"a","command":"\ud800"}"#, &limits()).is_err());
}

#[test]
fn deep_nesting_is_refused_without_a_crash() {
    let deep = format!(
        r#"{{"target":{}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(Input::parse(deep.as_bytes(), &limits()).is_err());
}

#[test]
fn approve_and_deny_are_understood_in_any_case_with_blanks_around() {
    for text in [
        "Approve",
        "approve",
        "APPROVE",
        "  Approve \r\n",
        "\tApprove\n\n",
    ] {
        replies(
            text,
            Reply::Approve {
                code: None,
                factor: None,
            },
        );
    }
    for text in ["Deny", "deny", " DENY\n"] {
        replies(
            text,
            Reply::Deny {
                which: Which::Only,
                reason: None,
            },
        );
    }
}

#[test]
fn a_code_names_the_request() {
    replies(
        "Approve 7K3Q",
        Reply::Approve {
            code: code("7K3Q"),
            factor: None,
        },
    );
    replies(
        "approve  7k3q",
        Reply::Approve {
            code: code("7K3Q"),
            factor: None,
        },
    );
    let Ok(Input::Reply(Reply::Approve {
        code: both,
        factor: Some(_),
    })) = Input::parse(b"Approve 7K3Q 492817", &limits())
    else {
        panic!("code and factor");
    };
    assert_eq!(both, code("7K3Q"));
    assert!(matches!(
        Input::parse(b"Approve 492817", &limits()),
        Ok(Input::Reply(Reply::Approve {
            code: None,
            factor: Some(_)
        }))
    ));
}

#[track_caller]
fn factor_of(text: &str) -> (Option<Code>, Factor) {
    match Input::parse(text.as_bytes(), &limits()) {
        Ok(Input::Reply(Reply::Approve {
            code,
            factor: Some(factor),
        })) => (code, factor),
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn a_recovery_code_stands_where_six_digits_may() {
    let (none, factor) = factor_of("Approve ABCDE-FGH23");
    assert_eq!((none, factor.recovery()), (None, Some("ABCDE-FGH23")));
    assert_eq!(factor.digits(), None);
    let (both, factor) = factor_of("approve 7k3q abcde-fgh23");
    assert_eq!(both, code("7K3Q"));
    assert_eq!(factor.recovery(), Some("ABCDE-FGH23"));
    let (_, factor) = factor_of("Approve 7K3Q 492817");
    assert_eq!((factor.digits(), factor.recovery()), (Some("492817"), None));
}

#[test]
fn a_code_from_a_phone_has_one_form_and_is_no_word() {
    for text in [
        "",
        "49281",
        "4928177",
        "492 817",
        "+49281",
        "４９２８１７",
        "ABCDEFGH23",
        "ABCDE-FGH2",
        "ABCDE-FGH234",
        "ABCD-EFGH23",
        "ABCDE--GH23",
        "ABCDE-FGHI3",
        "ABCDE-FGH0O",
        "ABCDE_FGH23",
        "ABCDE-FGH23-",
        "THREE-STEPS",
        "23456-78923",
        "7K3Q",
    ] {
        assert!(Factor::parse(text).is_none(), "{text}");
    }
}

#[test]
fn a_code_of_a_request_is_never_one_of_a_person() {
    for text in ["7K3Q", "492817", "ABCDE-FGH23"] {
        let (code, factor) = (Code::parse(text), Factor::parse(text));
        assert!(code.is_some() != factor.is_some(), "{text}");
    }
}

#[test]
fn what_a_person_has_is_not_printed() {
    for text in ["492817", "ABCDE-FGH23"] {
        let shown = format!("{:?}", factor_of(&format!("Approve {text}")));
        assert!(
            shown.contains("Factor(…)") && !shown.contains(text),
            "{shown}"
        );
    }
}

#[test]
fn a_recovery_code_is_made_of_enough_bytes_and_of_none_that_would_favour_a_character() {
    assert!(Factor::recovery_from_random(&[9; 9]).is_none());
    assert!(Factor::recovery_from_random(&[255; 99]).is_none());
    assert!(
        Factor::recovery_from_random(&[0; 10]).is_none(),
        "all digits"
    );
    assert!(
        Factor::recovery_from_random(&[9; 10]).is_none(),
        "all letters"
    );
    let made = Factor::recovery_from_random(&[232, 0, 1, 2, 3, 4, 8, 9, 10, 11, 231]).unwrap();
    assert_eq!(made.recovery(), Some("23456-ABCDZ"));
}

#[test]
fn a_denial_may_say_why() {
    let deny = |which, reason: &str| Reply::Deny {
        which,
        reason: Some(reason.to_owned()),
    };
    replies(
        "Deny 7K3Q not on a Friday",
        deny(Which::Code(code("7K3Q").unwrap()), "not on a Friday"),
    );
    replies("Deny not on a Friday", deny(Which::Only, "not on a Friday"));
    replies("Deny that", deny(Which::Only, "that"));
    replies(
        "Deny all",
        Reply::Deny {
            which: Which::All,
            reason: None,
        },
    );
    replies("Deny all too risky", deny(Which::All, "too risky"));
}

#[test]
fn a_code_from_a_phone_that_comes_with_a_no_is_no_reason_and_is_not_kept() {
    for (text, left) in [
        ("Deny 7K3Q 492817", None),
        ("Deny 492817 too risky", Some("too risky")),
        ("Deny 7K3Q abcde-fgh23", None),
        (
            "Deny all not with ABCDE-FGH23 either",
            Some("not with either"),
        ),
        ("Deny see ticket 492817", Some("see ticket 492817")),
        ("Deny 49281 is no code", Some("49281 is no code")),
    ] {
        let Ok(Input::Reply(Reply::Deny { reason, .. })) = Input::parse(text.as_bytes(), &limits())
        else {
            panic!("{text}");
        };
        assert_eq!(reason.as_deref(), left, "{text}");
    }
}

#[test]
fn nothing_else_is_a_yes() {
    for text in [
        "yes",
        "y",
        "ok",
        "approved",
        "Approve!",
        "Approve.",
        "'Approve'",
        "I approve",
        "\"Approve\"",
        "Аpprove",
        "Approve\u{200b}",
        "approve-all",
    ] {
        rejects(text, "the message is neither a JSON object nor a reply");
    }
    rejects(
        "Approve all",
        "the reply is not understood: there is no `Approve all`; approve each request by its code",
    );
    for text in [
        "Approve it",
        "Approve 7K3",
        "Approve 49281",
        "Approve 492817 7K3Q",
        "Approve 7K3Q 492817 now",
        "Approve 492817 492817",
        "Approve 7K3Q 7K3Q",
        "Approve 7K3Q ABCDEFGH23",
        "Approve ABCDE-FGH23 7K3Q",
        "Approve ABCDE-FGH23 492817",
        "Approve THREE-STEPS",
        "Approve 7K3Q not",
    ] {
        assert!(
            matches!(
                Input::parse(text.as_bytes(), &limits()),
                Err(Malformed::Reply(_))
            ),
            "{text}"
        );
    }
    for text in ["Approve\nApprove", "Deny\nApprove", "Approve \u{0}"] {
        rejects(text, "the reply is not understood: it has to be one line");
    }
}

#[test]
fn a_mistyped_code_denies_nothing() {
    for text in ["Deny 7K3O", "Deny 1K3Q", "Deny 7K3O not on a Friday"] {
        assert!(
            matches!(
                Input::parse(text.as_bytes(), &limits()),
                Err(Malformed::Reply(_))
            ),
            "{text}"
        );
    }
}

#[test]
fn codes_have_no_look_alikes_and_are_no_words() {
    for text in [
        "7K3O", "1K3Q", "7K3L", "UK3Q", "KKKK", "2345", "7K3QQ", "7K3", "",
    ] {
        assert_eq!(Code::parse(text), None, "{text}");
    }
    assert_eq!(Code::from_random([0, 1, 2, 3]), None);
    assert_eq!(
        Code::from_random([5, 8, 255, 29]).unwrap().as_str().len(),
        4
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = Input::parse(&bytes, &limits());
    }

    #[test]
    fn no_text_after_a_brace_makes_it_panic(text in "\\{\\PC{0,200}") {
        let _ = Input::parse(text.as_bytes(), &limits());
    }

    #[test]
    fn what_is_understood_is_kept_whole(command in "[a-z][a-z -]{0,30}", reason in "[a-zäß ]{1,40}") {
        let json = serde_json::json!({"target": "a", "command": command, "reason": reason});
        if let Ok(Input::Request(request)) = Input::parse(json.to_string().as_bytes(), &limits()) {
            proptest::prop_assert_eq!(request.to_draft().command, command);
        }
    }

    #[test]
    fn behind_approve_stand_only_a_code_and_what_a_person_has(
        text in "[aA]pprove( |\\t|\\PC)([0-9A-Z]{4}|[0-9]{5,7}|[2-9A-Z]{4,6}-[2-9a-z]{5}|\\PC{0,12})( \\PC{0,12}| [0-9]{6}| [2-9A-HJ]{5}-[2-9a-h]{5})?"
    ) {
        if let Ok(Input::Reply(Reply::Approve { code, factor })) =
            Input::parse(text.as_bytes(), &limits())
        {
            let said: Vec<String> = [
                code.map(|code| code.as_str().to_owned()),
                factor.as_ref().and_then(Factor::digits).map(str::to_owned),
                factor.as_ref().and_then(Factor::recovery).map(str::to_owned),
            ]
            .into_iter()
            .flatten()
            .collect();
            let expected = format!("APPROVE {}", said.join(" "));
            let words: Vec<String> =
                text.split([' ', '\t']).filter(|word| !word.is_empty()).map(str::to_ascii_uppercase).collect();
            proptest::prop_assert_eq!(words.join(" "), expected.trim_end());
        }
    }

    #[test]
    fn only_the_word_approve_approves(text in "\\PC{0,20}") {
        if let Ok(Input::Reply(Reply::Approve { .. })) = Input::parse(text.as_bytes(), &limits()) {
            let first = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            proptest::prop_assert_eq!(first, "approve");
        }
    }
}
