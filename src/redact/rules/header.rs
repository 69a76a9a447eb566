//! Secrets in URLs and in the headers of HTTP.
//!
//! **Reads** nothing.
//! **Gives** [`RULES`].
//! **Never** takes out more of a header than its value.

use super::BuiltIn;
use super::Doubt;
use super::Place;
use super::rule;

pub(super) const RULES: &[BuiltIn] = &[
    rule(
        "otpauth",
        "the secrets of one-time codes in `otpauth://` URLs",
        &["otpauth"],
        r#"(?i)otpauth(?:-migration)?://(?P<secret>[^\s"'<>]+)"#,
    ),
    rule(
        "sentry-dsn",
        "the key in a Sentry DSN",
        &["://"],
        r"https?://(?P<secret>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[A-Za-z0-9.-]{1,128}/",
    )
    .within(Place::Login),
    rule(
        "url-password",
        "the password in `scheme://user:password@host`",
        &["://"],
        r#"\b[A-Za-z][A-Za-z0-9+.-]{1,24}://[!-~&&[^:/@'"<>]]{0,128}:(?P<secret>[!-~&&[^/@'"<>]]{1,256})@"#,
    )
    .within(Place::Login)
    .doubting(Doubt::Word),
    rule(
        "dsn-password",
        "the password in `user:password@tcp(host)`",
        &["@tcp(", "@unix("],
        r#"\b[A-Za-z0-9_.-]{1,64}:(?P<secret>[!-~&&[^:@'"]]{1,256})@(?:tcp|unix)\("#,
    ),
    rule(
        "url-parameter",
        "tokens, keys and signatures in the query of a URL",
        &["token=", "sig=", "signature=", "key=", "secret=", "password=", "passwd=", "pwd=", "jwt=", "auth=", "security-token="],
        r#"(?i)[?&;#](?:{{alnum}}{1,16}[_-]){0,4}(?:token|sig|signature|secret|password|passwd|pwd|jwt|auth|api_?key|apikey|key)=(?P<secret>[^&\s"'<>;#\\]{6,})"#,
    )
    .within(Place::Parameter)
    .doubting(Doubt::Word),
    rule(
        "authorization",
        "the value of `Authorization` and `Proxy-Authorization`",
        &["authorization"],
        r#"(?i)\b(?:proxy-)?authorization{{sign}}(?:\\?["'])?(?:basic|bearer|digest|negotiate|ntlm|token|apikey|key|aws4-hmac-sha256|hmac|sharedkey|sharedaccesssignature|splunk|genie[a-z]{0,8}|snyk|discogs|oauth)[ \t]{1,4}(?P<secret>[^"'\r\n\\]{4,})"#,
    ),
    rule(
        "authorization-bare",
        "the value of `Authorization` where it names no scheme",
        &["authorization"],
        r#"(?i)\b(?:proxy-)?authorization{{sign}}(?:\\?["'])?(?P<secret>[^\s"',;\\]{8,})"#,
    )
    .doubting(Doubt::PlainOrPath),
    rule(
        "bearer-token",
        "what stands behind `Bearer` or `Basic`",
        &["bearer", "basic"],
        r"(?i)\b(?:bearer|basic)[ \t]{1,4}(?P<secret>[a-z0-9._~+/=-]{8,})",
    )
    .doubting(Doubt::Plain),
    rule(
        "cookie",
        "the values of `Cookie` and `Set-Cookie`",
        &["cookie"],
        r#"(?i)\b(?:set-)?cookie2?(?:\\?["'])?[ \t]{0,4}:[ \t]{0,4}(?:\\?["'])?(?P<secret>(?-i:[A-Za-z0-9!#$%&*+.^_|~-]){1,64}=[^"'\r\n\\]+)"#,
    ),
    rule(
        "key-header",
        "`X-Api-Key`, `X-Vault-Token`, `Private-Token` and their like",
        &["-key", "-token", "-secret", "-auth", "apikey"],
        r#"(?i)\b(?:x(?:-{{alnum}}{1,20}){0,4}-(?:key|token|secret|auth)|private-token|job-token|deploy-token|circle-token|dd-(?:api|application)-key|ocp-apim-subscription-key|api-key|apikey|auth-token|access-token)(?:\\?["'])?[ \t]{0,4}:[ \t]{0,4}(?:\\?["'])?(?P<secret>[^\s"',;\\]{6,})"#,
    )
    .doubting(Doubt::Prose),
];
