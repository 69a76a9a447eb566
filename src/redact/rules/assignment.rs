//! Secrets in settings, environments and files of passwords.
//!
//! **Reads** nothing.
//! **Gives** [`RULES`].
//! **Never** takes a name for its value: `password_file=` and the like stay.

use super::BuiltIn;
use super::Doubt;
use super::Place;
use super::rule;

pub(super) const RULES: &[BuiltIn] = &[
    rule(
        "kubeconfig",
        "keys in a kubeconfig",
        &["client-key-data"],
        r#"client-key-data["']?:[ \t]{0,8}["']?(?P<secret>[A-Za-z0-9+/=]{8,})"#,
    ),
    rule(
        "docker-auth",
        "`auth` in `config.json` of Docker",
        &["\"auth", "\"identitytoken", "\"registrytoken"],
        r#"\\?"(?:auth|identitytoken|registrytoken)\\?"[ \t]{0,8}:[ \t]{0,8}\\?"(?P<secret>[A-Za-z0-9+/=_.-]{8,})"#,
    )
    .doubting(Doubt::Plain),
    rule(
        "wireguard-key",
        "`PrivateKey` and `PresharedKey` of WireGuard",
        &["privatekey", "presharedkey"],
        r#"(?i)\b(?:PrivateKey|PresharedKey)["']?[ \t]{0,8}[=:][ \t]{0,8}["']?(?P<secret>[A-Za-z0-9+/]{42,43}=?)"#,
    ),
    rule(
        "aws-secret",
        "secret keys and session tokens of AWS",
        &["secret_access", "secretaccess", "secret_key", "secretkey", "session_token", "sessiontoken"],
        r#"(?i)(?:secret_?access_?key|aws_?secret_?key|aws_?session_?token|sessiontoken|secretaccesskey)[^A-Za-z0-9/+=\n]{0,4}[:=>, \t]{1,8}[\\"']{0,2}(?P<secret>[A-Za-z0-9/+=]{16,})"#,
    ),
    rule(
        "azure-key",
        "`AccountKey` and `SharedAccessKey` of Azure",
        &["accountkey", "sharedaccesskey"],
        r"(?i)\b(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/=]{16,})",
    ),
    rule(
        "netrc",
        "the password in a line of `.netrc`",
        &["machine ", "default login"],
        r"\blogin[ \t]{1,8}[!-~]{1,128}\s{1,8}password[ \t]{1,8}(?P<secret>[^\s]+)",
    )
    .doubting(Doubt::Prose),
    rule(
        "pgpass",
        "the password in a line of `.pgpass`",
        &[":5430:", ":5431:", ":5432:", ":5433:", ":5434:", ":5435:", ":5436:", ":5437:", ":5438:", ":5439:", ":6432:", ":*:"],
        r"(?m)^[A-Za-z0-9.*_/-]{1,128}:(?:543[0-9]|6432|\*):[!-9;-~]{1,64}:[!-9;-~]{1,64}:(?P<secret>[!-9;-~]{1,128})[ \t\r]{0,8}$",
    ),
    rule(
        "password-hash",
        "hashes of passwords as in `/etc/shadow`, `.htpasswd`, LDAP and PostgreSQL",
        &["$1$", "$2$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$7$", "$y$", "$gy$", "$apr1$", "$argon2", "{ssha", "{sha", "{smd5}", "{md5}", "{crypt}", "{pbkdf2", "scram-sha-256$", "pbkdf2_sha", "pbkdf2-sha", "$pbkdf2"],
        r"\$(?:1|apr1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{16,}|\$2[aby]?\$[0-9]{2}\$[./A-Za-z0-9]{40,}|\$[567]\$(?:rounds=[0-9]{1,9}\$)?[./A-Za-z0-9]{1,48}\$[./A-Za-z0-9]{30,}|\$g?y\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{30,}|\$argon2(?:id|i|d)\$[A-Za-z0-9+/=,$-]{30,}|\$?pbkdf2[-_]sha[0-9]{1,3}\$[./A-Za-z0-9+=$]{20,}|(?i:\{(?:s?sha(?:256|384|512)?|s?md5|crypt|pbkdf2[a-z0-9-]{0,8})\})[A-Za-z0-9+/=$.]{16,}|(?i:scram-sha-256)\$[0-9]{1,8}:[A-Za-z0-9+/=]{8,64}\$[A-Za-z0-9+/=:]{16,}",
    ),
    rule(
        "sql-password",
        "`IDENTIFIED BY 'x'` and `PASSWORD 'x'` in SQL",
        &["identified", "password '", "password \"", "password \\", "password  ", "password\t", "set password"],
        r#"(?i)\b(?:(?:identified[ \t]{1,8}(?:with[ \t]{1,8}[!-~]{1,48}[ \t]{1,8})?(?:by|as)|(?:encrypted[ \t]{1,8}|with[ \t]{1,8}|set[ \t]{1,8}|(?:user|role)[ \t]{1,8}[!-:<-~]{1,64}[ \t]{1,8})password)[ \t]{1,8}(?:password[ \t]{1,8})?|set[ \t]{1,8}password[\t -:<-~]{0,120}?=[ \t]{0,8}(?:password\([ \t]{0,4})?)(?:\\?'(?P<secret>[^'\\\n]+)|\\?"(?P<secret2>[^"\\\n]+))"#,
    ),
    rule(
        "php-define",
        "`define('DB_PASSWORD', 'x')` in PHP",
        &["define"],
        r#"(?i)\bdefine\([ \t]{0,4}['"](?-i:[A-Za-z0-9_]){0,64}(?:pass|password|passwd|secret|token|key|salt)['"][ \t]{0,4},[ \t]{0,32}(?:'(?P<secret>[^'\n]+)|"(?P<secret2>[^"\n]+))"#,
    )
    .doubting(Doubt::Word),
    rule(
        "xml-password",
        "`<password>x</password>` in XML",
        &["password>", "passwd>", "secret>", "token>", "passphrase>", "apikey>"],
        r"(?i)<(?-i:[A-Za-z0-9:_.-]){0,40}(?:password|passwd|secret|token|passphrase|apikey)>(?P<secret>[^<\n]+)",
    )
    .doubting(Doubt::Word),
    rule(
        "directive",
        "`requirepass x`, `masterauth x`, `bindpw x` and the like, one word behind another",
        &["requirepass", "masterauth", "bindpw", "rootpw", "rootbindpw", "bind_pw", "ldap_default_authtok", "auth_pass", "auth-pass", "rocommunity", "rwcommunity"],
        r#"(?i)\b(?:olc)?(?:requirepass|masterauth|bindpw|rootpw|rootbindpw|bind_pw|ldap_default_authtok|auth_pass|auth-pass[ \t]{1,8}[!-~]{1,64}|r[ow]community6?)(?:[ \t]{0,8}[:=]{1,2}[ \t]{0,8}|["']?[ \t]{1,8}){{word}}"#,
    )
    .doubting(Doubt::Word),
    rule(
        "variable",
        "`PGPASSWORD=x`, `DB_PASS=x`, `API_TOKEN=x` and the like in an environment",
        &["pass", "_pwd", "_pw", "secret", "token", "_key", "apikey", "_auth", "_psk", "_salt", "credential"],
        r#"\b(?:[A-Z][A-Z0-9_]{0,64})?(?:PASSWORD|PASSWD|PASSPHRASE|PASSCODE|(?:\b|_|DB|SSH|USER|ROOT|ADMIN)PASS|_PWD|_PW|SECRET|SECRET_KEY|SECRET_KEY_BASE|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|ENCRYPTION_KEY|SIGNING_KEY|MASTER_KEY|AUTH_KEY|ACCOUNT_KEY|LICENSE_KEY|APP_KEY|_AUTH|_PSK|_SALT|CREDENTIALS?)[0-9]{0,2}=(?P<secret>\$?'[^'\n]*(?:'\\''[^'\n]*)*'?|"(?:[^"\\\n]|\\[^\n])*"?|(?:[^\s'"\\;|&()<>]|\\[^\n])+)"#,
    )
    .within(Place::Setting)
    .doubting(Doubt::Word),
    rule(
        "assignment",
        "`password=x`, `api_key: x`, `\"client_secret\": \"x\"` and the like in settings, JSON and YAML",
        &["pass", "_pw", "-pw", "bindpw", ";pwd", "\"pwd", "'pwd", "secret", "token", "key", "psk", "_auth", "credential"],
        r#"(?i)(?:password|passwd|passphrase|passcode|(?:\b|_|db|user|root|admin|smtp|ftp|ssh|sql|mail|ldap|bind)pass|[_-]pwd|[;"']pwd|[_-]pw|bindpw|secret|(?:api|apikey|app|application|client|consumer|secret|access|auth|encryption|decryption|master|shared|account|signing|private|license|session|service)[_ -]?key|secret_?key_?base|token|wpa_psk|\bpsk|pre_?shared_?key|credential|_auth)(?:[_-]?(?:hash|value|base64|b64))?[0-9]{0,2}{{sign}}{{value}}"#,
    )
    .within(Place::Setting)
    .doubting(Doubt::Prose),
    rule(
        "named-value",
        "the value beside a name: `name: DB_PASSWORD` above `value: x`, `<add key=\"ApiKey\" value=\"x\"/>`",
        &["value:", "value=", "value\"", "value'", "value\\", "value ", "value\t"],
        r#"(?i)\b(?:name|key)(?:\\{0,3}["'])?[ \t]{0,4}[:=][ \t]{0,4}(?:\\{0,3}["'])?(?-i:[A-Za-z0-9_.-]){0,48}(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|_pass|_pwd)(?:\\{0,3}["'])?,?[ \t\r\n]{0,80}(?:\\{0,3}["'])?\bvalue{{sign}}{{value}}"#,
    )
    .doubting(Doubt::Prose),
    rule(
        "consul-nomad-token",
        "tokens of Consul and Nomad, which are UUIDs",
        &["consul", "nomad", "secretid", "secret id", "secret_id", "accessorid"],
        r#"(?i)(?:(?:consul|nomad)[a-z_ -]{0,24}(?:token|secret)|secret[ _]?id)[a-z_ -]{0,12}(?:\\?["'])?[ \t]{0,24}[:= \t][ \t]{0,24}(?:\\?["'])?(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"#,
    ),
    rule(
        "context-hex",
        "keys of Datadog, New Relic, Twilio, Mailchimp and Heroku beside their names",
        &["datadog", "dd_", "dd-", "newrelic", "new_relic", "twilio", "heroku", "mailgun", "algolia", "cloudflare", "fastly"],
        r#"(?i)(?:datadog|dd|new_?relic|twilio|heroku|mailgun|algolia|cloudflare|fastly)[a-z_ -]{0,24}(?:key|token|secret|license|sid)[a-z_ -]{0,12}(?:\\?["'])?[ \t]{0,8}[:= \t][ \t]{0,8}(?:\\?["'])?(?P<secret>[0-9a-z_-]{32,})"#,
    )
    .doubting(Doubt::Plain),
];
