//! Any bytes as one message: no panic, and only the word `Approve` approves.

#![no_main]

use std::time::Duration;

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
            let first = text.split_whitespace().next().unwrap();
            assert!(first.eq_ignore_ascii_case("approve"));
        }
        Ok(Input::Request(request)) => {
            let again = aiops::request::Request::from_draft(request.to_draft(), &limits).unwrap();
            assert_eq!(again.to_draft(), request.to_draft());
        }
        _ => {}
    }
});
