//! Any bytes as one message: no panic, and only the word `Approve` approves.

#![no_main]

use std::time::Duration;

use aiops::request::Code;
use aiops::request::Factor;
use aiops::request::Input;
use aiops::request::Limits;
use aiops::request::Reply;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        input_bytes: 256 * 1024,
        reason_bytes: 2048,
        name_bytes: 256,
        timeout_max: Duration::from_secs(150),
        shell: aiops::shell::Limits::default(),
    };
    match Input::parse(bytes, &limits) {
        Ok(Input::Reply(Reply::Approve { .. })) => {
            let text = std::str::from_utf8(bytes).unwrap();
            let mut words = text.split_whitespace();
            assert!(words.next().unwrap().eq_ignore_ascii_case("approve"));
            assert!(words.all(|word| Code::parse(word).is_some() || Factor::parse(word).is_some()));
        }
        Ok(Input::Request(request)) => {
            let again = aiops::request::Request::from_draft(request.to_draft(), &limits).unwrap();
            assert_eq!(again.to_draft(), request.to_draft());
        }
        _ => {}
    }
});
