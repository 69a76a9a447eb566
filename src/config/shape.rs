//! Every key that the file may hold, and what may stand there.
//!
//! **Reads** nothing.
//! **Gives** [`FILE`], from which the schema is printed and faults are explained.
//! **Never** decides what is read: `yaml` does, and tests hold the two together.

use super::limit;
use super::limit::Limit;

/// What may stand in a place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Text. A number, `true` and `false` are taken for their letters.
    Text,
    /// `true` or `false`.
    Truth,
    /// A TCP port.
    Port,
    /// A duration, or a number of bytes or things.
    Number(&'static Limit),
    /// A duration whose range is set by another key.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list.
    List(&'static Shape),
    /// Names of one's own choice, each with this.
    Named(&'static Shape),
    /// These keys.
    Keys(&'static [Key]),
    /// A regular expression by itself, or something longer.
    PatternOr(&'static Shape),
    /// A command by itself, or something longer.
    CommandOr(&'static Shape),
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// Other spellings that are understood.
    pub(super) also: &'static [&'static str],
    /// What it means, for whoever edits the file.
    pub(super) about: &'static str,
    pub(super) shape: Shape,
    /// Whether it has to be there.
    pub(super) needed: bool,
    /// Whether it may be there with nothing behind it.
    pub(super) empty: bool,
    /// What holds where it is not there, as people write it.
    pub(super) default: Option<&'static str>,
}

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        also: &[],
        about,
        shape,
        needed: false,
        empty: true,
        default: None,
    }
}

impl Key {
    const fn needed(self) -> Key {
        Key {
            needed: true,
            empty: false,
            ..self
        }
    }

    const fn not_empty(self) -> Key {
        Key {
            empty: false,
            ..self
        }
    }

    const fn also(self, also: &'static [&'static str]) -> Key {
        Key { also, ..self }
    }

    const fn default(self, default: &'static str) -> Key {
        Key {
            default: Some(default),
            ..self
        }
    }

    /// Whether a key of the file is this one.
    pub(super) fn is(&self, written: &str) -> bool {
        self.name == written || self.also.contains(&written)
    }
}

const TIER: Shape = Shape::Word(&["lab", "production"]);
const NEEDS: Shape = Shape::Word(&["relayed", "client", "out_of_band", "second_factor"]);
const ENFORCEMENT: Shape = Shape::Word(&["enforce", "audit"]);
const TEXTS: Shape = Shape::List(&Shape::Text);
const RULES: Shape = Shape::List(&Shape::PatternOr(&Shape::Keys(RULE)));

const UNKNOWN_DEFAULT: Key = key(
    "unknown_default",
    Shape::Word(&["approval_required", "reject"]),
    "What becomes of a command that no rule names. Without it the tier decides: approval_required in lab, reject in production.",
);
const AUTO_ALLOWED: Key = key(
    "auto_allowed",
    RULES,
    "Commands that run without asking. A pattern has to match one whole simple command.",
);
const APPROVAL_REQUIRED: Key = key(
    "approval_required",
    RULES,
    "Commands that a human is asked about. A pattern may match anywhere.",
);
const FORBIDDEN: Key = key(
    "forbidden",
    RULES,
    "Commands that never run, whoever approves. A pattern may match anywhere.",
);

/// The whole file.
pub(super) const FILE: &[Key] = &[
    key(
        "mode",
        TIER,
        "How careful one is with every target that names no tier of its own.",
    )
    .not_empty()
    .default("lab"),
    UNKNOWN_DEFAULT,
    key(
        "targets",
        Shape::Named(&Shape::Keys(TARGET)),
        "The managed machines, by the names that requests use.",
    ).not_empty(),
    key(
        "fragments",
        Shape::Named(&Shape::PatternOr(&TEXTS)),
        "Named pieces of regular expressions, or lists of alternatives: `{{name}}` in a pattern stands for one. A name is a lower-case letter, then letters, digits and `_`.",
    ).not_empty(),
    AUTO_ALLOWED,
    APPROVAL_REQUIRED,
    FORBIDDEN,
    key(
        "policy",
        Shape::Keys(&[UNKNOWN_DEFAULT, AUTO_ALLOWED, APPROVAL_REQUIRED, FORBIDDEN]),
        "Another home for the rules: either here, or at the top of the file.",
    ),
    key("limits", Shape::Keys(LIMITS), "Numbers that stop something.").not_empty(),
    key("approvals", Shape::Keys(APPROVALS), "The waiting room for requests that need a human.").not_empty(),
    key("ssh", Shape::Keys(SSH), "How targets are reached.").not_empty(),
    key("checkpoints", Shape::Keys(CHECKPOINTS), "When the log is signed, and who gets what was signed.").not_empty(),
    key(
        "redact",
        Shape::List(&Shape::Keys(SECRET)),
        "Secrets of one's own kind that are taken out of output, commands and reasons before they are stored or shown, beside the built-in kinds. One takes the place of a built-in one of the same `id`.",
    ).not_empty(),
    key(
        "redact_off",
        TEXTS,
        "Built-in kinds of secrets, by their names, that are not taken out.",
    ).not_empty(),
    key(
        "client_markers",
        TEXTS,
        "Texts that the chat client takes for its own voice; in output they are broken visibly. Without it, those of Hermes.",
    ),
];

const TARGET: &[Key] = &[
    key("host", Shape::Text, "Host name or IP address.")
        .needed()
        .also(&["address", "hostname", "ip"]),
    key("port", Shape::Port, "TCP port of the SSH server.").default("22"),
    key("user", Shape::Text, "The login; without it `ssh.user`.").also(&["username", "ssh_user"]),
    key("tier", TIER, "How careful one is with this machine; without it `mode`."),
    key("groups", TEXTS, "Groups that the machine belongs to; rules may name them.").not_empty(),
    key(
        "enforcement",
        ENFORCEMENT,
        "With `audit`, in the tier `lab` only, what would need a human runs and is only recorded as such.",
    )
    .not_empty()
    .default("enforce"),
    key(
        "needs",
        NEEDS,
        "The assurance that every approval for this machine needs, instead of `approvals.needs` and of what its tier says.",
    ),
    key(
        "approvals",
        Shape::Keys(QUORUM),
        "Who has to approve what is asked about this machine, beside those that the file and the rules want.",
    ),
];

/// Who has to approve: for the file, a machine or a rule. All that they say is demanded together.
const QUORUM: &[Key] = &[MIN, ALL_OF, ANY_OF];
const MIN: Key = number(
    &limit::APPROVALS_MIN,
    "min",
    "How many people have to approve, each once. More than one means at least out_of_band.",
);
const ALL_OF: Key = key(
    "all_of",
    TEXTS,
    "Each of these has to approve: a Unix user such as alice, or somebody of a Unix group such as %sre.",
)
.not_empty();
const ANY_OF: Key = key(
    "any_of",
    TEXTS,
    "One of these has to approve: a Unix user such as alice, or somebody of a Unix group such as %sre.",
)
.not_empty();

const RULE: &[Key] = &[
    key(
        "id",
        Shape::Text,
        "The name of the rule in answers and in the log; without it, its list and its place there.",
    ),
    key(
        "pattern",
        Shape::PatternOr(&TEXTS),
        "A regular expression, or a list of them, one of which has to match. `{{name}}` stands for a fragment.",
    )
    .needed(),
    key("why", Shape::Text, "One sentence for the people who are asked or refused."),
    key(
        "sudo",
        Shape::Word(&["allowed", "refused"]),
        "Whether a rule that allows does so behind sudo too.",
    ),
    key("targets", TEXTS, "The rule holds on these targets only.").not_empty(),
    key("groups", TEXTS, "The rule holds on targets of these groups only.").not_empty(),
    key("tiers", Shape::List(&TIER), "The rule holds in these tiers only.").not_empty(),
    key("needs", NEEDS, "The least assurance of an approval, for a rule that asks."),
    key(
        "approvals",
        Shape::Keys(QUORUM),
        "Who has to approve what a rule asks about, beside those that the file and the machine want.",
    ),
    key(
        "ttl",
        Shape::Number(&limit::RULE_TTL),
        "How long a request waits that a rule asks about; without it `approvals.ttl`. Of several rules the shortest counts.",
    ),
    key(
        "preview",
        Shape::CommandOr(&TEXTS),
        "Up to four commands that only read, for a rule that asks: their output is shown with the question. `<name>` stands for the group `(?<name>...)` of the pattern that matched. One runs only where the rules allow it by itself.",
    ),
    key(
        "irreversible",
        Shape::Truth,
        "Whether what it asks about cannot be undone; production then wants two people, or one on the gateway with a code.",
    )
    .not_empty()
    .default("false"),
    key(
        "input",
        Shape::Word(&["none"]),
        "The rule asks only about a command that nothing is fed to, by a pipe or by </dev/null.",
    ),
    key(
        "timeout",
        Shape::Duration,
        "Time limit of a run that asks for none: between 1s and `limits.timeout_max`.",
    ),
    key(
        "enforcement",
        ENFORCEMENT,
        "With `audit` the rule is only recorded where it would have decided.",
    )
    .not_empty()
    .default("enforce"),
    key("match", TEXTS, "Commands that the rule must match; tried when the file is examined.").not_empty(),
    key("not_match", TEXTS, "Commands that it must not match; tried when the file is examined.").not_empty(),
];

const fn number(limit: &'static Limit, name: &'static str, about: &'static str) -> Key {
    key(name, Shape::Number(limit), about)
}

const LIMITS: &[Key] = &[
    number(&limit::MESSAGE, "message", "Bytes of one message on stdin."),
    number(
        &limit::MESSAGE_WAIT,
        "message_wait",
        "How long a message may take to arrive.",
    ),
    number(&limit::COMMAND, "command", "Bytes of a command."),
    number(
        &limit::COMMAND_DEPTH,
        "command_depth",
        "How deep substitutions, groups and wrappers may stand inside each other.",
    ),
    number(
        &limit::REASON,
        "reason",
        "Bytes of the reason of a request.",
    ),
    number(
        &limit::NAME,
        "name",
        "Bytes of requester, incident and conversation.",
    ),
    number(
        &limit::TIMEOUT,
        "timeout",
        "Time limit of a run that asks for none.",
    ),
    number(
        &limit::TIMEOUT_MAX,
        "timeout_max",
        "The longest time limit that a request may ask for.",
    ),
    number(
        &limit::ANSWER,
        "answer",
        "Characters of the JSON on stdout; Hermes cuts at 50000.",
    ),
    number(
        &limit::OUTPUT,
        "output",
        "Bytes that are kept of each output stream.",
    ),
    number(
        &limit::OUTPUT_READ,
        "output_read",
        "Bytes that are read of each stream before the run is ended.",
    ),
    number(
        &limit::PATTERN,
        "pattern",
        "Memory of one compiled pattern.",
    ),
    number(
        &limit::LOG_LOCK_WAIT,
        "log_lock_wait",
        "How long to wait for the lock of the log.",
    ),
    number(
        &limit::LOG_LINE,
        "log_line",
        "The longest record that is written.",
    ),
    number(
        &limit::LOG_INLINE,
        "log_inline",
        "Bytes of the longest output that stands in a record; a longer one lies beside the log.",
    ),
    number(
        &limit::LOG_SEGMENT,
        "log_segment",
        "Bytes of the log's live file, after which the next segment begins.",
    ),
    number(
        &limit::LOG_SEGMENT_AGE,
        "log_segment_age",
        "Age of the live file's first record, after which the next segment begins.",
    ),
];

const APPROVALS: &[Key] = &[
    key(
        "needs",
        NEEDS,
        "The assurance that every approval needs. Without it the tier decides: relayed in lab, out_of_band in production.",
    ),
    key(
        "group",
        Shape::Text,
        "The Unix group whose members are approvers: their word on the gateway is another person's.",
    )
    .default("aiops-approvers"),
    key(
        "self_approval",
        Shape::Word(&["refused", "allowed"]),
        "Whether the one that asked may be the one that approves; it is recorded each time.",
    )
    .default("refused"),
    key(
        "relayed_code",
        Shape::Word(&["client", "out_of_band"]),
        "What an approver's code from a phone is worth that somebody else brings.",
    )
    .default("out_of_band"),
    MIN,
    ALL_OF,
    ANY_OF,
    number(&limit::TTL, "ttl", "How long a request waits."),
    number(
        &limit::PENDING,
        "pending",
        "How many requests may wait at once.",
    ),
    number(
        &limit::PENDING_PER_REQUESTER,
        "pending_per_requester",
        "How many requests of one Unix user may wait at once.",
    ),
    number(
        &limit::NOTICE,
        "notice",
        "How long a request has to have been shown before a word without its code can mean it.",
    ),
    number(
        &limit::WORD_WINDOW,
        "word_window",
        "How long after a request has ended, unanswered by its caller, a word without a code may still have been meant for it.",
    ),
    number(
        &limit::PREVIEW_TIMEOUT,
        "preview_timeout",
        "Time limit of each command that shows the state before a human is asked.",
    ),
    number(
        &limit::PREVIEW,
        "preview",
        "Characters that are shown of what such a command prints.",
    ),
    number(
        &limit::GRANTS,
        "grants",
        "How many grants may hold at once.",
    ),
    number(
        &limit::GRANT_TTL,
        "grant_ttl",
        "How long a grant holds where its giver does not say.",
    ),
    number(
        &limit::GRANT_TTL_MAX,
        "grant_ttl_max",
        "The longest that one may hold.",
    ),
    number(
        &limit::GRANT_USES,
        "grant_uses",
        "The most uses that one may have.",
    ),
    number(
        &limit::KEEP_DECIDED,
        "keep_decided",
        "How long decided requests are kept.",
    ),
    number(
        &limit::REMEMBERED,
        "remembered",
        "How many decided requests are kept at most.",
    ),
    number(
        &limit::APPROVALS_LOCK_WAIT,
        "lock_wait",
        "How long to wait for the lock of the waiting room.",
    ),
    number(
        &limit::FACTOR_TRIES,
        "factor_tries",
        "How many wrong codes from a phone there may be until none is looked at for a while.",
    ),
    number(
        &limit::FACTOR_LOCK,
        "factor_lock",
        "How long none is looked at then; it doubles with each further wrong code.",
    ),
    number(
        &limit::FACTOR_LOCK_MAX,
        "factor_lock_max",
        "The longest that none is looked at.",
    ),
];

const CHECKPOINTS: &[Key] = &[
    key(
        "origin",
        Shape::Text,
        "The name of the log, like `gw1.example.org/aiops`, for a key that is not made yet. Without it, the name of this machine.",
    ),
    number(
        &limit::CHECKPOINT_RECORDS,
        "records",
        "A checkpoint is made after so many records.",
    ),
    number(
        &limit::CHECKPOINT_EVERY,
        "every",
        "And after so much time, where there are new ones.",
    ),
    key(
        "journald",
        Shape::Truth,
        "Whether journald gets each checkpoint, where there is one.",
    )
    .default("true"),
    key(
        "syslog",
        Shape::Truth,
        "Whether syslog gets each checkpoint, by /dev/log.",
    )
    .default("false"),
    key(
        "command",
        TEXTS,
        "A program and its arguments; it gets each checkpoint on standard input.",
    ),
    number(
        &limit::CHECKPOINT_WAIT,
        "command_wait",
        "How long that program may take.",
    ),
];

const SSH: &[Key] = &[
    key("user", Shape::Text, "The login where a target names none.").default("aiops"),
    key("program", Shape::Text, "The `ssh` that is started.").default("/usr/bin/ssh"),
    key("path", Shape::Text, "PATH on the target.")
        .default("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    number(
        &limit::CONNECT_TIMEOUT,
        "connect_timeout",
        "How long a connection may take.",
    ),
    number(
        &limit::PERSIST,
        "persist",
        "How long an idle connection is kept for the next request.",
    ),
    number(
        &limit::ALIVE_INTERVAL,
        "alive_interval",
        "Silence after which the target is asked whether it lives.",
    ),
    number(
        &limit::ALIVE_COUNT,
        "alive_count",
        "Questions without an answer until the connection is lost.",
    ),
    number(
        &limit::MASTERS_PER_TARGET,
        "masters_per_target",
        "Connections to one target at once.",
    ),
    number(
        &limit::KILL_GRACE,
        "kill_grace",
        "Time between TERM and KILL.",
    ),
    number(
        &limit::DRAIN,
        "drain",
        "Wait for output that a background child still holds.",
    ),
];

const SECRET: &[Key] = &[
    key("id", Shape::Text, "The name that stands in the place of the secret.").needed(),
    key(
        "pattern",
        Shape::Text,
        "What it looks like. A group named `secret` is what is taken out; without one, all that matched.",
    )
    .needed(),
    key(
        "keywords",
        TEXTS,
        "The pattern is tried only on text that holds one of these words, in any letter case.",
    ).not_empty(),
];
