//! Sending the log elsewhere: real receivers on loopback, and everything that goes wrong on the way.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use rustix::process::Signal;

use crate::lab::in_home;
use crate::lab::program;
use crate::lab::said;
use crate::sshd::signal;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/records.jsonl");

/// Records in the corpus.
const ALL: u64 = 48;

/// A log, and nothing else of an installation: no configuration, no runtime directory.
struct Log {
    dir: tempfile::TempDir,
}

impl Log {
    fn of(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        let log = Self { dir };
        fs::write(log.live(), text).unwrap();
        log
    }

    fn corpus() -> Self {
        Self::of(&fs::read_to_string(CORPUS).unwrap())
    }

    /// Of so many records.
    fn long(records: std::ops::RangeInclusive<u64>) -> Self {
        Self::of(&records.map(record).collect::<String>())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn live(&self) -> PathBuf {
        self.path("home/audit.jsonl")
    }

    fn append(&self, text: &str) {
        let mut live = fs::File::options().append(true).open(self.live()).unwrap();
        live.write_all(text.as_bytes()).unwrap();
    }

    /// Moves the live file to its place among the segments, as rotation does.
    fn rotate(&self, first: u64, and_then: &str) {
        fs::create_dir_all(self.path("home/audit")).unwrap();
        let segment = self.path(&format!("home/audit/{first:020}.jsonl"));
        fs::copy(self.live(), segment).unwrap();
        fs::write(self.live(), and_then).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(["audit", "export", "--hostname", "gw"]);
        command.args(arguments);
        let mut command = in_home(command, &self.path("home"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn cursor(&self) -> String {
        self.path("cursor").display().to_string()
    }

    fn cursor_seq(&self) -> Option<u64> {
        let text = fs::read_to_string(self.path("cursor")).ok()?;
        let cursor: serde_json::Value = serde_json::from_str(&text).unwrap();
        cursor["seq"].as_u64()
    }

    fn follow(&self, to: &str, more: &[&str]) -> Child {
        let cursor = self.cursor();
        let mut arguments = vec!["--follow", "--to", to, "--cursor", &cursor];
        arguments.extend(more);
        self.command(&arguments).spawn().unwrap()
    }
}

fn record(seq: u64) -> String {
    let prev = "0".repeat(64);
    format!(
        "{{\"timestamp\":\"2026-11-23T09:14:03.512Z\",\"schema\":2,\"seq\":{seq},\"prev\":\"{prev}\",\"event\":\"decision\",\"status\":\"rejected\",\"target\":\"srv1\",\"command\":\"ls {seq}\"}}\n"
    )
}

fn ends(mut child: Child, with: Signal) -> Output {
    signal(child.id(), with);
    let _ = child.stdin.take();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn until(what: &str, mut true_at_last: impl FnMut() -> bool) {
    let began = Instant::now();
    while !true_at_last() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a receiver of OTLP does with a request.
#[derive(Clone)]
enum Answer {
    /// A status, headers, and a body.
    Say(u16, &'static str, &'static str),
    /// Closes the connection without a word.
    Hang,
    /// Waits, and takes it then.
    Slowly(Duration),
}

const TAKEN: Answer = Answer::Say(200, "", "{}");

/// A receiver of OTLP over HTTP on loopback that decodes by the definitions of the protocol.
#[derive(Clone)]
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<Vec<u64>>>>,
    taken: Arc<Mutex<Vec<u64>>>,
    headers: Arc<Mutex<String>>,
}

impl Receiver {
    /// Answers as it is told, and takes everything after that.
    fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            url: format!("http://{}/v1/logs", listener.local_addr().unwrap()),
            heard: Arc::default(),
            taken: Arc::default(),
            headers: Arc::default(),
        };
        let of_thread = receiver.clone();
        thread::spawn(move || of_thread.serve(&listener, answers));
        receiver
    }

    fn serve(&self, listener: &TcpListener, answers: Vec<Answer>) {
        let mut answers = answers.into_iter();
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            while self.one(&mut reader, &mut answers).is_some() {}
        }
    }

    /// One request on a connection; none at its end.
    fn one(
        &self,
        reader: &mut BufReader<TcpStream>,
        answers: &mut impl Iterator<Item = Answer>,
    ) -> Option<()> {
        let (head, body) = request(reader)?;
        self.headers.lock().unwrap().push_str(&head);
        let seqs = seqs(&body);
        self.heard.lock().unwrap().push(seqs.clone());
        let (status, headers, body) = match answers.next().unwrap_or(TAKEN) {
            Answer::Hang => return None,
            Answer::Say(status, headers, body) => (status, headers, body),
            Answer::Slowly(wait) => {
                thread::sleep(wait);
                (200, "", "{}")
            }
        };
        if status == 200 {
            self.taken.lock().unwrap().extend(seqs);
        }
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        reader.get_mut().write_all(answer.as_bytes()).ok()
    }

    fn taken(&self) -> Vec<u64> {
        self.taken.lock().unwrap().clone()
    }

    fn heard(&self) -> Vec<Vec<u64>> {
        self.heard.lock().unwrap().clone()
    }
}

fn request(reader: &mut impl std::io::BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lowered = head.to_ascii_lowercase();
    let length = lowered.split("content-length:").nth(1).unwrap();
    let length = length.lines().next().unwrap().trim().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// The numbers of the records in a request.
fn seqs(body: &[u8]) -> Vec<u64> {
    let request: ExportLogsServiceRequest = serde_json::from_slice(body).unwrap();
    let records = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    let records = records.flat_map(|scope| &scope.log_records);
    let seq = |record: &opentelemetry_proto::tonic::logs::v1::LogRecord| {
        let found = record.attributes.iter().find(|one| one.key == "aiops.seq");
        match found.unwrap().value.as_ref().unwrap().value {
            Some(Any::IntValue(seq)) => u64::try_from(seq).unwrap(),
            ref other => panic!("{other:?}"),
        }
    };
    records.map(seq).collect()
}

fn all(to: u64) -> Vec<u64> {
    (1..=to).collect()
}

#[test]
fn every_format_goes_to_standard_output_without_any_configuration() {
    let log = Log::corpus();
    for format in ["ecs", "ocsf", "cef", "rfc5424"] {
        let told = said(&log.run(&["--format", format]), 0, "");
        assert_eq!(told.lines().count() as u64, ALL, "{format}");
    }
    let told = said(&log.run(&["--format", "otlp"]), 0, "");
    assert_eq!(seqs(told.as_bytes()), all(ALL));
    let there: Vec<_> = fs::read_dir(log.path("home")).unwrap().collect();
    assert_eq!(there.len(), 1, "it writes nothing beside the log");
}

#[test]
fn it_begins_at_a_number_or_at_a_moment() {
    let log = Log::corpus();
    let count = |more: &[&str]| {
        let mut arguments = vec!["--format", "cef"];
        arguments.extend(more);
        said(&log.run(&arguments), 0, "").lines().count() as u64
    };
    assert_eq!(count(&["--from", "40"]), ALL - 39);
    assert_eq!(count(&["--from", "1000"]), 0);
    assert_eq!(count(&["--since", "2026-11-24"]), 0);
    assert_eq!(count(&["--since", "2026-11-23T00:00:00Z"]), ALL);
    log.rotate(1, &record(49));
    assert_eq!(count(&["--from", "49"]), 1);
    assert_eq!(count(&["--from", "48"]), 2);
}

#[test]
fn what_makes_no_sense_is_refused_with_what_helps() {
    let log = Log::corpus();
    let refused = |arguments: &[&str], help: &str| {
        said(&log.run(arguments), 2, help);
    };
    refused(&[], "--format");
    refused(&["--format", "xml"], "possible values");
    refused(
        &["--format", "ecs", "--to", "ftp://host"],
        "syslog+tls://HOST:6514",
    );
    refused(
        &["--format", "ecs", "--to", "http://host"],
        "only `--format otlp`",
    );
    refused(
        &["--format", "otlp", "--to", "syslog+udp://host"],
        "/v1/logs",
    );
    refused(
        &["--format", "ecs", "--to", "x", "--follow"],
        "--cursor FILE",
    );
    refused(&["--format", "ecs", "--header-file", "x"], "http(s)://");
    refused(&["--format", "ecs", "--facility", "local9"], "local7");
    refused(&["--format", "ecs", "--max-wait", "1d"], "`1h`");
    refused(&["--format", "ecs", "--max-bytes", "100"], "2048");
    refused(&["--format", "ecs", "--since", "soon"], "30d");
    refused(
        &["--format", "ecs", "--to", "/no/such/dir/x"],
        "cannot write",
    );
    let no_ca = ["--format", "cef", "--to", "syslog+tls://localhost", "--ca"];
    refused(
        &[&no_ca[..], &["/no/such"]].concat(),
        "cannot read `/no/such`",
    );
    refused(&[&no_ca[..], &[CORPUS]].concat(), "no certificate in PEM");
    fs::remove_file(log.live()).unwrap();
    said(&log.run(&["--format", "ecs"]), 5, "cannot read the log");
}

#[test]
fn a_receiver_gets_everything_once_and_the_next_call_goes_on_behind_it() {
    let log = Log::corpus();
    let receiver = Receiver::new(Vec::new());
    let cursor = log.cursor();
    let arguments = [
        "--format",
        "otlp",
        "--to",
        &receiver.url,
        "--cursor",
        &cursor,
    ];
    said(&log.run(&arguments), 0, "");
    assert_eq!(receiver.taken(), all(ALL));
    said(&log.run(&arguments), 0, "");
    assert_eq!(receiver.taken(), all(ALL));
    log.append(&(record(49) + &record(50)));
    said(&log.run(&arguments), 0, "");
    assert_eq!(receiver.taken(), all(50));
    assert_eq!(log.cursor_seq(), Some(50));
}

#[test]
fn what_is_not_taken_for_now_is_sent_again_whole() {
    let log = Log::corpus();
    let receiver = Receiver::new(vec![
        Answer::Say(503, "retry-after: 1\r\n", "busy"),
        Answer::Hang,
        Answer::Say(429, "retry-after: 0\r\n", ""),
        Answer::Say(504, "", ""),
    ]);
    let output = log.run(&["--format", "otlp", "--to", &receiver.url]);
    said(&output, 0, "it answered 503: busy; trying again");
    assert_eq!(receiver.taken(), all(ALL));
    assert_eq!(receiver.heard().len(), 5);
    said(&output, 0, "takes events again");
}

#[test]
fn what_is_refused_for_good_ends_it_and_moves_no_cursor() {
    for (status, help) in [
        (400, "it answered 400: no <U+001B>such thing"),
        (401, "--header-file"),
        (404, "it answered 404"),
        (500, "it answered 500"),
        (302, "name the right address"),
    ] {
        let log = Log::corpus();
        let receiver = Receiver::new(vec![Answer::Say(status, "", "no \u{1b}such thing")]);
        let cursor = log.cursor();
        let output = log.run(&[
            "--format",
            "otlp",
            "--to",
            &receiver.url,
            "--cursor",
            &cursor,
        ]);
        said(&output, 6, help);
        said(&output, 6, "records 1 to 48 were refused for good");
        assert_eq!(log.cursor_seq(), None);
        assert_eq!(receiver.heard().len(), 1, "{status} is not tried again");
    }
}

#[test]
fn what_a_receiver_takes_and_throws_away_is_said_and_not_sent_again() {
    let log = Log::corpus();
    let body = r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#;
    let receiver = Receiver::new(vec![Answer::Say(200, "", body)]);
    let output = log.run(&["--format", "otlp", "--to", &receiver.url]);
    said(&output, 0, "threw 3 events away: too old");
    assert_eq!(receiver.heard().len(), 1);
}

#[test]
fn what_is_too_large_is_sent_in_halves() {
    let log = Log::corpus();
    let too_large = Answer::Say(413, "", "");
    let receiver = Receiver::new(vec![too_large.clone(), too_large]);
    said(
        &log.run(&["--format", "otlp", "--to", &receiver.url]),
        0,
        "",
    );
    assert_eq!(receiver.taken(), all(ALL));
    let sizes: Vec<usize> = receiver.heard().iter().map(Vec::len).collect();
    assert_eq!(sizes, [48, 24, 12, 12, 24]);
}

#[test]
fn a_receiver_that_is_not_there_is_tried_and_then_said() {
    let log = Log::corpus();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let cursor = log.cursor();
    for (format, to) in [
        ("otlp", format!("http://{free}")),
        ("cef", format!("syslog+tcp://{free}")),
    ] {
        let output = log.run(&[
            "--format",
            format,
            "--to",
            &to,
            "--cursor",
            &cursor,
            "--max-wait",
            "1s",
        ]);
        said(&output, 6, "nothing more could be sent behind record 0");
        assert_eq!(log.cursor_seq(), None);
    }
}

#[test]
fn headers_come_from_a_file_that_others_cannot_read() {
    let log = Log::corpus();
    let receiver = Receiver::new(Vec::new());
    let headers = log.path("headers");
    fs::write(&headers, "Authorization: Bearer abc\n").unwrap();
    let shown = headers.display().to_string();
    let arguments = [
        "--format",
        "otlp",
        "--to",
        &receiver.url,
        "--header-file",
        &shown,
    ];
    fs::set_permissions(&headers, fs::Permissions::from_mode(0o644)).unwrap();
    said(&log.run(&arguments), 2, "chmod 0600");
    fs::set_permissions(&headers, fs::Permissions::from_mode(0o600)).unwrap();
    said(&log.run(&arguments), 0, "");
    let heard = receiver.headers.lock().unwrap().to_ascii_lowercase();
    assert!(heard.contains("authorization: bearer abc"), "{heard}");
    assert!(heard.contains("content-type: application/json"), "{heard}");
}

#[test]
fn it_follows_the_log_through_a_rotation_and_ends_when_it_is_told() {
    let log = Log::corpus();
    let receiver = Receiver::new(vec![TAKEN, Answer::Hang, Answer::Say(503, "", "")]);
    let child = log.follow(&receiver.url, &["--format", "otlp"]);
    until("all that was there", || receiver.taken() == all(ALL));
    log.append(&record(49));
    until("what was appended", || receiver.taken() == all(49));
    log.rotate(1, "");
    log.append(&(record(50) + &record(51)));
    until("what came after the rotation", || {
        receiver.taken() == all(51)
    });
    until("the cursor", || log.cursor_seq() == Some(51));
    said(&ends(child, Signal::TERM), 0, "takes events again");
    let child = log.follow(&receiver.url, &["--format", "otlp"]);
    log.append(&record(52));
    until("what came after it was started again", || {
        receiver.taken() == all(52)
    });
    said(&ends(child, Signal::INT), 0, "");
}

#[test]
fn killed_in_the_middle_it_loses_nothing_and_repeats_one_parcel_at_most() {
    let log = Log::long(1..=5000);
    let slowly = Answer::Slowly(Duration::from_millis(150));
    let receiver = Receiver::new(vec![slowly; 40]);
    for _ in 0..3 {
        let before = receiver.heard().len();
        let child = log.follow(&receiver.url, &["--format", "otlp"]);
        until("some parcels", || receiver.heard().len() >= before + 2);
        ends(child, Signal::KILL);
    }
    let child = log.follow(&receiver.url, &["--format", "otlp"]);
    until("all of it", || log.cursor_seq() == Some(5000));
    ends(child, Signal::TERM);
    let heard: Vec<u64> = receiver.heard().concat();
    let whole: BTreeSet<u64> = heard.iter().copied().collect();
    assert_eq!(whole, (1..=5000).collect());
    let again = heard.len() - whole.len();
    assert!(again <= 3 * 512, "{again} were sent again");
    for pair in receiver.heard().windows(2) {
        assert!(pair[1][0] == pair[0][0] || pair[1][0] == pair[0].last().unwrap() + 1);
    }
}

#[test]
fn it_ends_when_it_is_told_while_the_destination_is_gone_and_goes_on_later() {
    let log = Log::corpus();
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let to = format!("syslog+tcp://127.0.0.1:{port}");
    let child = log.follow(&to, &["--format", "cef"]);
    thread::sleep(Duration::from_secs(2));
    let output = ends(child, Signal::TERM);
    said(&output, 0, "takes nothing for now");
    let told = String::from_utf8_lossy(&output.stderr).lines().count();
    assert_eq!(told, 1, "one word when it begins: {output:?}");
    assert_eq!(log.cursor_seq(), None);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("syslog+tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || counted(&mut listener.accept().unwrap().0));
    let child = log.follow(&to, &["--format", "cef"]);
    until("everything", || log.cursor_seq() == Some(ALL));
    said(&ends(child, Signal::TERM), 0, "");
    assert_eq!(server.join().unwrap().len() as u64, ALL);
}

#[test]
fn a_cursor_of_another_log_is_refused_and_helped() {
    let log = Log::corpus();
    let receiver = Receiver::new(Vec::new());
    let cursor = log.cursor();
    let arguments = [
        "--format",
        "otlp",
        "--to",
        &receiver.url,
        "--cursor",
        &cursor,
    ];
    said(&log.run(&arguments), 0, "");
    let text = fs::read_to_string(log.live()).unwrap();
    fs::write(
        log.live(),
        text.replace("A later version", "An earlier one"),
    )
    .unwrap();
    said(&log.run(&arguments), 5, "--from NUMBER");
    assert_eq!(log.cursor_seq(), Some(ALL));
    fs::write(log.live(), "").unwrap();
    said(&log.run(&arguments), 5, "--from NUMBER");
    fs::write(log.live(), &text).unwrap();
    let again = [&arguments[..], &["--from", "48"]].concat();
    said(&log.run(&again), 0, "");
    assert_eq!(receiver.taken().len() as u64, ALL + 1);
    fs::write(log.path("cursor"), "nonsense").unwrap();
    said(&log.run(&arguments), 5, "cannot read");
}

#[test]
fn a_log_that_is_cut_while_it_is_followed_is_said() {
    let log = Log::corpus();
    let receiver = Receiver::new(Vec::new());
    let child = log.follow(&receiver.url, &["--format", "otlp"]);
    until("all that was there", || log.cursor_seq() == Some(ALL));
    fs::write(log.live(), record(1)).unwrap();
    said(&child.wait_with_output().unwrap(), 5, "--from NUMBER");
}

#[test]
fn one_cursor_is_one_exports_own() {
    let log = Log::corpus();
    let receiver = Receiver::new(Vec::new());
    let child = log.follow(&receiver.url, &["--format", "otlp"]);
    until("all that was there", || log.cursor_seq() == Some(ALL));
    let cursor = log.cursor();
    let second = log.run(&[
        "--format",
        "otlp",
        "--to",
        &receiver.url,
        "--cursor",
        &cursor,
    ]);
    said(&second, 2, "give each export a cursor of its own");
    ends(child, Signal::TERM);
}

#[test]
fn a_torn_line_is_waited_for_and_what_is_no_record_is_passed_over() {
    let torn = record(2);
    let (begun, rest) = torn.split_at(40);
    let log = Log::of(&format!("of another program\n{}{begun}", record(1)));
    let receiver = Receiver::new(Vec::new());
    let child = log.follow(&receiver.url, &["--format", "otlp"]);
    until("the first", || receiver.taken() == [1]);
    thread::sleep(Duration::from_millis(600));
    log.append(rest);
    until("the torn one, complete", || receiver.taken() == [1, 2]);
    // One that is never completed is ended by the next writer.
    log.append("{\"timestamp\":\"2026");
    thread::sleep(Duration::from_millis(600));
    log.append(&format!("\n{}", record(3)));
    until("the one behind it", || receiver.taken() == [1, 2, 3]);
    let output = ends(child, Signal::TERM);
    said(&output, 0, "they are passed over");
    let told = String::from_utf8_lossy(&output.stderr)
        .matches("passed over")
        .count();
    assert_eq!(told, 1);
}

#[test]
fn a_file_is_appended_to_and_others_cannot_read_it() {
    let log = Log::corpus();
    let (cursor, to) = (log.cursor(), log.path("events").display().to_string());
    let arguments = ["--format", "ecs", "--to", &to, "--cursor", &cursor];
    said(&log.run(&arguments), 0, "");
    log.append(&record(49));
    said(&log.run(&arguments), 0, "");
    assert_eq!(log.text("events").lines().count() as u64, ALL + 1);
    let mode = fs::metadata(&to).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let follower = log.follow(&to, &["--format", "ecs"]);
    log.append(&record(50));
    until("a followed file", || {
        log.text("events").lines().count() as u64 == ALL + 2
    });
    said(&ends(follower, Signal::TERM), 0, "");
}

#[test]
fn a_full_disk_is_waited_for_and_the_cursor_stays() {
    let log = Log::corpus();
    let cursor = log.cursor();
    let output = log.run(&[
        "--format",
        "ecs",
        "--to",
        "/dev/full",
        "--cursor",
        &cursor,
        "--max-wait",
        "1s",
    ]);
    said(&output, 6, "cannot write `/dev/full`");
    assert_eq!(log.cursor_seq(), None);
}

#[test]
fn udp_is_one_message_a_datagram_and_none_is_too_long() {
    let log = Log::corpus();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let to = format!("syslog+udp://{}", socket.local_addr().unwrap());
    for format in ["rfc5424", "cef", "ecs", "ocsf"] {
        let more = ["--to", &to, "--facility", "local0", "--max-bytes", "2048"];
        said(
            &log.run(&[&["--format", format], &more[..]].concat()),
            0,
            "",
        );
        let mut buffer = [0; 65536];
        for _ in 0..ALL {
            let length = socket.recv(&mut buffer).unwrap();
            let message = std::str::from_utf8(&buffer[..length]).unwrap();
            assert!(length <= 2048 && message.starts_with("<1"), "{message}");
            assert!(message.contains("Z gw aiops - "), "{message}");
            assert!(!message.contains('\n'));
        }
    }
}

#[test]
fn a_local_daemon_is_spoken_to_by_its_socket() {
    let log = Log::long(1..=5);
    let path = log.path("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let to = format!("syslog+unix://{}", path.display());
    said(&log.run(&["--format", "rfc5424", "--to", &to]), 0, "");
    let mut buffer = [0; 8192];
    for seq in 1..=5 {
        let length = socket.recv(&mut buffer).unwrap();
        let message = std::str::from_utf8(&buffer[..length]).unwrap();
        assert!(message.contains(&format!(" seq=\"{seq}\"")), "{message}");
    }
}

/// Reads messages by the length before each, to the end of the stream.
fn counted(reader: &mut impl std::io::Read) -> Vec<String> {
    let mut bytes = Vec::new();
    // An end without farewell is an end too.
    let _ = reader.read_to_end(&mut bytes);
    let mut rest = bytes.as_slice();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let blank = rest.iter().position(|byte| *byte == b' ').unwrap();
        let length: usize = std::str::from_utf8(&rest[..blank])
            .unwrap()
            .parse()
            .unwrap();
        rest = &rest[blank + 1..];
        messages.push(String::from_utf8(rest[..length].to_vec()).unwrap());
        rest = &rest[length..];
    }
    messages
}

#[test]
fn a_stream_has_the_length_before_each_message() {
    let log = Log::corpus();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("syslog+tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || counted(&mut listener.accept().unwrap().0));
    let cursor = log.cursor();
    let arguments = ["--format", "rfc5424", "--to", &to, "--cursor", &cursor];
    said(&log.run(&arguments), 0, "");
    let messages = server.join().unwrap();
    assert_eq!(messages.len() as u64, ALL);
    assert!(messages.iter().all(|message| message.starts_with('<')));
    assert_eq!(log.cursor_seq(), Some(ALL));
}

#[test]
fn a_stream_that_broke_is_opened_again_and_nothing_that_was_seen_broken_is_lost() {
    let log = Log::long(1..=3);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("syslog+tcp://{}", listener.local_addr().unwrap());
    let child = log.follow(&to, &["--format", "rfc5424"]);
    let (first, _) = listener.accept().unwrap();
    until("the first parcel", || log.cursor_seq() == Some(3));
    drop(first);
    thread::sleep(Duration::from_millis(100));
    log.append(&record(4));
    let (mut second, _) = listener.accept().unwrap();
    until("the second parcel", || log.cursor_seq() == Some(4));
    said(&ends(child, Signal::TERM), 0, "");
    let messages = counted(&mut second);
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains(" seq=\"4\""), "{messages:?}");
}

#[test]
fn a_stream_that_breaks_before_it_was_read_moves_no_cursor() {
    let log = Log::long(1..=4000);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("syslog+tcp://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for stream in listener.incoming().take(5).flatten() {
            // Closed with something unread: the other side gets a reset.
            let mut byte = [0];
            let _ = (&stream).read_exact(&mut byte);
        }
    });
    let cursor = log.cursor();
    let output = log.run(&[
        "--format",
        "cef",
        "--to",
        &to,
        "--cursor",
        &cursor,
        "--max-wait",
        "1s",
    ]);
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(log.cursor_seq(), None);
    drop(server);
}

/// A certificate authority and a server's certificate, made by openssl. None, said loudly, where
/// there is none.
struct Authority {
    dir: tempfile::TempDir,
}

impl Authority {
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let authority = Self { dir };
        let script = "
            set -e
            openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca \
                -addext basicConstraints=critical,CA:TRUE
            openssl req -newkey rsa:2048 -nodes -keyout key.pem -out csr.pem -subj /CN=localhost
            printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' >ext
            openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile ext
            openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out other.pem -days 2 -subj /CN=other
        ";
        let made = Command::new("sh")
            .args(["-c", script])
            .current_dir(authority.dir.path())
            .stderr(Stdio::null())
            .status();
        if !made.is_ok_and(|made| made.success()) {
            eprintln!("SKIPPED: this machine has no openssl to make certificates with");
            return None;
        }
        Some(authority)
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn server(&self) -> Arc<rustls::ServerConfig> {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::PrivateKeyDer;
        use rustls::pki_types::pem::PemObject as _;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = CertificateDer::pem_file_iter(self.path("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates.map(Result::unwrap).collect(), key);
        Arc::new(config.unwrap())
    }
}

type Secured = rustls::StreamOwned<rustls::ServerConnection, TcpStream>;

fn secured(listener: &TcpListener, config: &Arc<rustls::ServerConfig>) -> Secured {
    let (stream, _) = listener.accept().unwrap();
    let connection = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
    rustls::StreamOwned::new(connection, stream)
}

#[test]
fn tls_checks_authority_and_name_and_carries_everything() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let log = Log::corpus();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = authority.server();
    let server = thread::spawn(move || {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(counted(&mut secured(&listener, &config)));
        }
        all
    });
    let (ca, other) = (authority.path("ca.pem"), authority.path("other.pem"));
    let to = |host: &str, ca: &str| {
        let to = format!("syslog+tls://{host}:{port}");
        log.run(&["--format", "rfc5424", "--to", &to, "--ca", ca])
    };
    said(&to("localhost", &ca), 0, "");
    said(&to("localhost", &other), 6, "--ca FILE");
    said(
        &to("127.0.0.1", &ca),
        6,
        "its certificate cannot be believed",
    );
    let counts: Vec<usize> = server.join().unwrap().iter().map(Vec::len).collect();
    assert_eq!(counts, [usize::try_from(ALL).unwrap(), 0, 0]);
}

#[test]
fn https_checks_the_authority_and_carries_everything() {
    let Some(authority) = Authority::new() else {
        return;
    };
    let log = Log::corpus();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = authority.server();
    let server = thread::spawn(move || {
        let mut stream = BufReader::new(secured(&listener, &config));
        let taken = request(&mut stream).map(|(_, body)| seqs(&body));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.get_mut().write_all(answer).unwrap();
        let refused = request(&mut BufReader::new(secured(&listener, &config)));
        (taken, refused)
    });
    let to = format!("https://localhost:{port}");
    let run = |ca: String| log.run(&["--format", "otlp", "--to", &to, "--ca", &ca]);
    said(&run(authority.path("ca.pem")), 0, "");
    said(
        &run(authority.path("other.pem")),
        6,
        "its certificate cannot be believed",
    );
    let (taken, refused) = server.join().unwrap();
    assert_eq!(taken, Some(all(ALL)));
    assert!(refused.is_none());
}

#[test]
fn a_reader_that_went_away_ends_it_quietly() {
    let log = Log::long(1..=20_000);
    let mut child = log
        .command(&["--format", "ecs", "--follow"])
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(Path::new(&log.live()).exists() && first.starts_with('{'));
}
