//! OTLP over HTTP.
//!
//! **Reads** a file of headers, and what a receiver answers.
//! **Gives** [`Receiver`].
//! **Never** follows a redirection, and never sends a secret header in the clear to another machine.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::Certificate;
use ureq::tls::RootCerts;
use ureq::tls::TlsConfig;

use super::destination::host_and_port;
use super::parcel::Parcel;
use super::road::Options;
use super::road::PATIENCE;
use super::road::Refused;
use super::road::Taken;
use super::tls;
use crate::visible;

/// A receiver of OTLP.
pub(super) struct Receiver {
    agent: Agent,
    url: String,
    headers: Vec<(String, String)>,
}

impl Receiver {
    pub(super) fn at(url: &str, options: &Options) -> Result<Self, String> {
        let headers = match &options.header_file {
            Some(path) => headers(path)?,
            None => Vec::new(),
        };
        if !headers.is_empty() && url.starts_with("http://") && !is_here(url) {
            return Err("the headers are secret, and `http://` would send them in the clear: use `https://`".to_owned());
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("aiops/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(PATIENCE))
            .timeout_global(Some(PATIENCE * 4));
        if url.starts_with("https://") {
            let authorities = tls::authorities(options.ca.as_deref())?;
            let authorities: Vec<_> = authorities
                .iter()
                .map(|one| Certificate::from_der(one).to_owned())
                .collect();
            let tls = TlsConfig::builder()
                .unversioned_rustls_crypto_provider(tls::provider())
                .root_certs(RootCerts::new_with_certs(&authorities))
                .build();
            config = config.tls_config(tls);
        }
        Ok(Self {
            agent: config.build().new_agent(),
            url: url.to_owned(),
            headers,
        })
    }

    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<Taken, Refused> {
        let mut taken = Taken::default();
        for body in &parcel.messages {
            let mut request = self
                .agent
                .post(&self.url)
                .header("content-type", "application/json");
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
            let answer = request
                .send(body.as_str())
                .map_err(|fault| unanswered(&fault))?;
            let Taken { rejected, said } = heard(answer)?;
            taken.rejected += rejected;
            if !said.is_empty() {
                taken.said = said;
            }
        }
        Ok(taken)
    }
}

fn unanswered(fault: &ureq::Error) -> Refused {
    match fault {
        ureq::Error::Rustls(rustls::Error::InvalidCertificate(why)) => {
            Refused::ForGood(tls::distrust(why))
        }
        ureq::Error::Io(inner) => match inner.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(why)) => Refused::ForGood(tls::distrust(why)),
            _ => Refused::by(inner),
        },
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => Refused::ForGood(fault.to_string()),
        _ => Refused::by(fault),
    }
}

/// What the OTLP specification has an answer mean: 429, 502, 503 and 504 are worth another try and
/// nothing else is.
fn heard(mut answer: Response<ureq::Body>) -> Result<Taken, Refused> {
    let status = answer.status();
    let after = retry_after(&answer);
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER);
    let body = body.lossy_utf8(true).read_to_string().unwrap_or_default();
    match status.as_u16() {
        200..=299 => Ok(partial(&body)),
        429 | 502..=504 => Err(Refused::ForNow {
            why: said(status.as_u16(), &body),
            after,
        }),
        413 => Err(Refused::TooLarge(said(413, &body))),
        300..=399 => Err(Refused::ForGood(format!(
            "{}; a redirection is not followed: name the right address",
            said(status.as_u16(), "")
        ))),
        401 | 403 => Err(Refused::ForGood(format!(
            "{}; what it demands goes into a file for `--header-file`",
            said(status.as_u16(), &body)
        ))),
        other => Err(Refused::ForGood(said(other, &body))),
    }
}

fn said(status: u16, body: &str) -> String {
    let body = body.trim();
    if body.is_empty() {
        return format!("it answered {status}");
    }
    let shown: String = body.chars().take(SHOWN_ANSWER).collect();
    format!("it answered {status}: {}", visible::line(&shown))
}

/// `partialSuccess` of the answer: what was rejected is not to be sent again.
fn partial(body: &str) -> Taken {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let partial = answer.get("partialSuccess");
    let rejected = partial.and_then(|partial| partial.get("rejectedLogRecords"));
    let rejected = rejected
        .and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()))
        .unwrap_or(0);
    let said = partial.and_then(|partial| partial.get("errorMessage"));
    let said = said.and_then(Value::as_str).unwrap_or_default();
    let said: String = said.chars().take(SHOWN_ANSWER).collect();
    Taken {
        rejected,
        said: visible::line(&said).into_owned(),
    }
}

/// Seconds, or a moment compared with the `Date` of the answer (RFC 9110 10.2.3).
fn retry_after(answer: &Response<ureq::Body>) -> Option<Duration> {
    let header = |name| answer.headers().get(name)?.to_str().ok();
    let after = header("retry-after")?;
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = |text: &str| -> Option<DateTime<Utc>> {
        Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
    };
    let wait = moment(after)? - moment(header("date")?)?;
    wait.to_std().ok()
}

/// Reads names and values, one a line; an empty line and one that begins with `#` say nothing.
fn headers(path: &Path) -> Result<Vec<(String, String)>, String> {
    let shown = path.display();
    let failed = |fault: io::Error| format!("cannot read `{shown}`: {fault}");
    let file = File::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if facts.mode() & 0o007 != 0 {
        return Err(format!(
            "everybody can read `{shown}`, and it holds secrets: run `chmod 0600` on it"
        ));
    }
    let mut text = String::new();
    file.take(LONGEST_HEADERS)
        .read_to_string(&mut text)
        .map_err(failed)?;
    let mut headers = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let good = line.split_once(':').filter(|(name, value)| {
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            !name.is_empty() && name.chars().all(token) && value.chars().all(is_of_a_value)
        });
        // The line is not shown: it may be a secret.
        let Some((name, value)) = good else {
            let number = number + 1;
            return Err(format!(
                "line {number} of `{shown}` is no header: write `Name: value`"
            ));
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(headers)
}

fn is_of_a_value(c: char) -> bool {
    c == ' ' || c == '\t' || c.is_ascii_graphic()
}

/// Whether it is this machine itself.
fn is_here(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    let host = host_and_port(authority).map(|(host, _)| host);
    host.is_some_and(|host| {
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

/// Bytes of an answer that are read.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Characters of an answer that are shown.
const SHOWN_ANSWER: usize = 300;

/// Bytes of a file of headers.
const LONGEST_HEADERS: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let permissions = std::fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(permissions).unwrap();
        file
    }

    #[test]
    fn headers_are_read_one_a_line() {
        let file = file(
            "# of the collector\n\nAuthorization: Bearer a:b\nx-scope:1\n",
            0o600,
        );
        let found = headers(file.path()).unwrap();
        let expected = [("Authorization", "Bearer a:b"), ("x-scope", "1")];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn headers_that_are_none_are_refused_and_not_repeated() {
        for text in [
            "secret",
            "na me: secret",
            ": secret",
            "a: secret\u{1b}",
            "ä: secret",
        ] {
            let said = headers(file(text, 0o600).path()).unwrap_err();
            assert!(
                said.contains("line 1") && !said.contains("secret"),
                "{said}"
            );
        }
    }

    #[test]
    fn headers_that_everybody_can_read_are_refused() {
        let said = headers(file("a: b", 0o644).path()).unwrap_err();
        assert!(said.contains("chmod 0600"), "{said}");
    }

    #[test]
    fn secret_headers_never_go_in_the_clear_to_another_machine() {
        let file = file("a: b", 0o600);
        let options = Options {
            header_file: Some(file.path().to_owned()),
            ..Options::default()
        };
        assert!(Receiver::at("http://collector/v1/logs", &options).is_err());
        for here in [
            "http://127.0.0.1:1/x",
            "http://[::1]/x",
            "http://localhost/x",
        ] {
            assert!(Receiver::at(here, &options).is_ok(), "{here}");
        }
    }

    #[test]
    fn what_was_rejected_is_counted_in_either_form_of_a_number() {
        for body in [
            r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}"#,
            r#"{"partialSuccess":{"rejectedLogRecords":3,"errorMessage":"no"}}"#,
        ] {
            let taken = partial(body);
            assert_eq!((taken.rejected, taken.said.as_str()), (3, "no"));
        }
        for body in ["", "{}", "nonsense", r#"{"partialSuccess":{}}"#] {
            assert_eq!(partial(body), Taken::default(), "{body}");
        }
    }
}
