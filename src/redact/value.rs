//! What is plainly no secret, where a rule can only guess.
//!
//! **Reads** nothing.
//! **Gives** [`Doubt`], [`unquoted`].
//! **Never** doubts what has the shape of a key of its own.

/// How much a rule doubts what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The pattern leaves none.
    None,
    /// It may be a word that says something else, a reference or a path.
    Word,
    /// It may be prose as well.
    Prose,
    /// It is one only with a digit, or letters of both cases.
    Plain,
    /// A path is none, and a word without a digit is none.
    PlainOrPath,
}

impl Doubt {
    /// Whether a value is passed over. `found` is all that matched, `rest` what stands behind it.
    pub(super) fn passes(self, value: &str, found: &str, rest: &str) -> bool {
        match self {
            Self::None => false,
            Self::Word => is_word(value) || is_reference(value) || is_path(value),
            Self::Prose => {
                is_word(value)
                    || is_reference(value)
                    || is_path(value)
                    || is_prose(value, found, rest)
            }
            Self::Plain => is_plain(value),
            Self::PlainOrPath => is_plain(value) || is_path(value) || is_reference(value),
        }
    }
}

/// Words that stand where a secret could, and masks.
fn is_word(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    let is_mask = value
        .chars()
        .all(|letter| "*.-_xX•?…[](){},;:".contains(letter));
    let bare = value.trim_matches(['.', ',', '(', ')', '[', ']', '{', '}', '<', '>']);
    is_mask || WORDS.iter().any(|word| word.eq_ignore_ascii_case(bare))
}

/// A name for what stands elsewhere: of a shell, a template, or a manual.
fn is_reference(value: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    [
        "${", "$(", "`", "{{", "{%", "<", "%(", "%{", "!vault", "!secret", "env:", "ENC[", "vault:",
    ]
    .iter()
    .any(|begin| value.starts_with(begin))
        || value == "$"
        || value.strip_prefix('$').is_some_and(is_name)
}

fn is_path(value: &str) -> bool {
    PATHS.iter().any(|begin| value.starts_with(begin))
}

/// `password: too short` is prose, `password: hunter2` is none, and `password: hunter` at the end of
/// a line may be none.
fn is_prose(value: &str, found: &str, rest: &str) -> bool {
    let before = found.strip_suffix(value).unwrap_or(found);
    // `PASS: test_login` is what a test says.
    let is_test = value.starts_with("test") || value.starts_with("Test");
    if is_call(value, rest) || before == "PASS: " && is_test {
        return true;
    }
    // The next name and its sign: `renewing token: error="..."`.
    let next = value.strip_suffix('=').filter(|_| before.ends_with(' '));
    if !next.unwrap_or(value).chars().all(char::is_alphabetic) {
        // A clock or a count behind a colon, or a size: `token:     1024 bytes`.
        let is_number = value.chars().all(|letter| letter.is_ascii_digit());
        return is_number && (value.len() < 3 || rest.starts_with(" bytes"));
    }
    if next.is_some() {
        return true;
    }
    let Some(before) = before.strip_suffix([' ', '\t']) else {
        // `gdm-password:session` is one name; `"password":"x"` and `password=x` are not.
        return before.ends_with(':');
    };
    let is_said = before.trim_end().ends_with(':');
    let mut behind = rest.chars().take(MOST_BLANKS);
    let next = behind.find(|letter| !matches!(letter, ' ' | '\t'));
    is_said && next.is_some_and(|next| !",;}]\"'#\r\n".contains(next))
}

/// The call of a function: `token = lexer.next_token()`.
fn is_call(value: &str, rest: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphabetic() || "_.:".contains(letter);
    rest.starts_with('(') && value.chars().all(is_name)
}

fn is_plain(value: &str) -> bool {
    let has = |kind: fn(&char) -> bool| value.chars().any(|letter| kind(&letter));
    let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    !(is_mixed || has(char::is_ascii_digit))
}

/// A value without the quotes around it, where they are one pair.
pub(super) fn unquoted(value: &str) -> &str {
    for quote in ['\'', '"'] {
        let inner = value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.is_empty() && !inner.contains(quote)) {
            return inner;
        }
    }
    value
}

/// Blanks behind a value that are looked over for what follows.
const MOST_BLANKS: usize = 64;

/// Words that say what a secret is like, and never are one.
const WORDS: &[&str] = &[
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "nil",
    "undefined",
    "empty",
    "unset",
    "set",
    "required",
    "optional",
    "requisite",
    "sufficient",
    "changed",
    "unchanged",
    "expired",
    "incorrect",
    "wrong",
    "invalid",
    "missing",
    "mismatch",
    "failed",
    "failure",
    "success",
    "ok",
    "error",
    "denied",
    "rejected",
    "accepted",
    "prompt",
    "ask",
    "disabled",
    "enabled",
    "default",
    "hidden",
    "masked",
    "redacted",
    "secret",
    "password",
    "token",
    "string",
    "text",
    "value",
    "name",
    "files",
    "compat",
    "ldap",
    "sss",
    "systemd",
    "nis",
    "db",
    "locked",
    "unlocked",
    "never",
    "not",
    "via",
    "is",
    "was",
    "for",
    "from",
    "with",
    "and",
    "or",
    "option",
    "flag",
    "updated",
    "generated",
    "rotated",
    "auth",
    "session",
    "account",
    "chauthtok",
    "file",
    "env",
    "stdin",
    "keyring",
    "plain",
    "login",
];

/// How paths to what holds a secret begin.
const PATHS: &[&str] = &[
    "/run/", "/etc/", "/var/", "/opt/", "/home/", "/usr/", "/srv/", "/root/", "/proc/", "/mnt/",
    "/data/", "/tmp/", "/dev/", "./", "../", "~/", "file:", "@/",
];
