//! How a verdict is found: each command by itself, then the script as a whole.
//!
//! **Reads** the rules of a policy, a `Script`, and the `Scope` it is to run in.
//! **Gives** a `Verdict`.
//! **Never** allows what is opaque, or what an unreadable rule might have forbidden.

use super::Decision;
use super::Policy;
use super::Rule;
use super::Verdict;
use super::ask::Ask;
use super::ask::Asked;
use super::prefix;
use super::reason::Reason;
use crate::shell;
use crate::shell::Reached;
use crate::shell::Script;
use crate::shell::SimpleCommand;
use crate::target::Scope;
use crate::target::Unknown;

/// Which rules have their say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enforcing {
    /// Those that are not only recorded.
    Configured,
    /// All of them, as if nothing were only recorded.
    Everything,
}

/// A command as rules that allow see it.
pub(super) struct Form<'a> {
    /// The name of the program.
    pub(super) word: Option<&'a str>,
    /// The words, quoted by us.
    pub(super) canonical: String,
    /// Whether `sudo` stands before it.
    pub(super) sudo: bool,
}

impl Policy {
    pub(super) fn decide(&self, script: &Script, scope: &Scope, enforcing: Enforcing) -> Verdict {
        let session = Session {
            policy: self,
            scope,
            enforcing,
        };
        let mut asks = Vec::new();
        let reasons: Vec<Reason> = script
            .commands()
            .iter()
            .map(|command| session.reason(script, command, &mut asks))
            .collect();
        let whole = session.reason_of_whole(script, &reasons, &mut asks);
        let mut asked = Asked::of(self, &asks, scope, whole.decision());
        asked.only = self.only_rule(script, &reasons, &asks, &whole);
        Verdict::new(script, reasons, whole, asked)
    }

    /// The rule that alone asks about a script of one command that can be read: nothing else in it would
    /// need a human, and a rule that was granted covers all of it. What the rule matches has to be the
    /// command itself, as it is written, or what stands behind `sudo` and harmless prefixes: a rule may
    /// match anywhere, and `python3 -c '... # systemctl restart x'` is no restart, nor is
    /// `/tmp/systemctl restart x`.
    fn only_rule(
        &self,
        script: &Script,
        reasons: &[Reason],
        asks: &[Ask<'_, '_>],
        whole: &Reason,
    ) -> Option<String> {
        let id = whole.id()?;
        let by_this = |reason: &Reason| {
            matches!(reason, Reason::Rule { .. })
                && reason.id() == Some(id)
                && reason.decision() == Some(Decision::RequireApproval)
        };
        let commands = script.commands();
        let mut outer = (0..commands.len()).filter(|place| {
            commands
                .get(*place)
                .is_some_and(|command| command.reached() == Reached::Outer)
        });
        let (Some(place), None) = (outer.next(), outer.next()) else {
            return None;
        };
        let covered = reasons.get(place).is_some_and(by_this)
            || asked_about_behind_prefix(script, reasons, place);
        let begins =
            |ask: &Ask<'_, '_>, form: &Form<'_>| ask.rule.begins(&form.canonical, &self.shared);
        let itself = commands.get(place).is_some_and(|outer| {
            let forms = forms(outer);
            let mut asks = asks.iter().filter(|ask| ask.rule.id == id);
            asks.any(|ask| forms.iter().any(|form| begins(ask, form)))
        });
        let plain = may_be_allowed(script)
            && commands
                .iter()
                .all(|command| command.reached() != Reached::Text && command.is_literal());
        let alone = asks.iter().all(|ask| ask.rule.id == id);
        (by_this(whole) && covered && plain && alone && itself).then(|| id.to_owned())
    }

    /// Whether one rule has its say on a script, whatever the others say and wherever it holds.
    pub(super) fn rule_covers(&self, rule: &Rule, script: &Script) -> bool {
        let hit = |text: &str| rule.matches(text, &self.shared).unwrap_or(false);
        if rule.definition.effect == Decision::Allow {
            let mut outer = script
                .commands()
                .iter()
                .filter(|c| c.reached() == Reached::Outer)
                .peekable();
            return may_be_allowed(script)
                && outer.peek().is_some()
                && outer.all(|command| {
                    command.is_literal()
                        && forms(command).iter().any(|form| {
                            (rule.definition.sudo || !form.sudo) && hit(&form.canonical)
                        })
                });
        }
        let no_input = rule.definition.no_input;
        let commands = script.commands();
        commands
            .iter()
            .filter(|command| !(no_input && command.has_input()))
            .any(|command| hit(&command.canonical()) || hit(&command.bare()))
            || !no_input && wide_texts(script).iter().any(|text| hit(text))
    }
}

/// One judgement: the policy, and what it is made for.
struct Session<'a> {
    policy: &'a Policy,
    scope: &'a Scope,
    enforcing: Enforcing,
}

impl<'a> Session<'a> {
    fn has_its_say(&self, rule: &Rule) -> bool {
        (self.enforcing == Enforcing::Everything || !rule.definition.audited)
            && rule.holds_on(self.scope)
    }

    /// What is to be said of one simple command by itself.
    fn reason<'s>(
        &self,
        script: &Script,
        command: &'s SimpleCommand,
        asks: &mut Vec<Ask<'a, 's>>,
    ) -> Reason {
        let canonical = command.canonical();
        let bare = command.bare();
        let asked = |rule| {
            asks.push(Ask {
                rule,
                of: Some(command),
            });
        };
        if let Some(reason) = self.strict(&[&canonical, &bare], !command.has_input(), asked) {
            return reason;
        }
        let outer = command.reached() == Reached::Outer;
        if !(may_be_allowed(script) && outer && command.is_literal()) {
            return Reason::Unknown;
        }
        forms(command)
            .iter()
            .find_map(|form| self.allowed(form))
            .unwrap_or(Reason::Unknown)
    }

    /// The first rule that allows a command, or one that could not be compiled while it was asked.
    fn allowed(&self, form: &Form<'_>) -> Option<Reason> {
        let policy = self.policy;
        let mut candidates: Vec<(usize, usize)> = [form.word.map(str::to_owned), None]
            .iter()
            .filter_map(|word| policy.allowing.get(word))
            .flatten()
            .copied()
            .collect();
        candidates.sort_unstable();
        for (rule, pattern) in candidates {
            let Some(rule) = policy.rules.get(rule) else {
                continue;
            };
            let Some(pattern) = rule.patterns.get(pattern) else {
                continue;
            };
            if form.sudo && !rule.definition.sudo || !self.has_its_say(rule) {
                continue;
            }
            match pattern.matches(&form.canonical, &policy.shared) {
                Ok(true) => return Some(Reason::rule(rule, self.scope)),
                Ok(false) => {}
                Err(why) => return Some(Reason::broken(rule, why)),
            }
        }
        None
    }

    /// The strictest of the rules that ask or forbid, on any of these texts. Rules about commands
    /// that nothing is fed to have their say only where there is `no_input`. Each rule that asks is
    /// told to `asked`, whether or not it is the strictest.
    fn strict(
        &self,
        texts: &[&str],
        no_input: bool,
        mut asked: impl FnMut(&'a Rule),
    ) -> Option<Reason> {
        let mut asks: Option<Reason> = None;
        for rule in &self.policy.rules {
            let out_of_place = rule.definition.no_input && !no_input;
            if rule.definition.effect == Decision::Allow || out_of_place || !self.has_its_say(rule)
            {
                continue;
            }
            for text in texts {
                match rule.matches(text, &self.policy.shared) {
                    Ok(false) => continue,
                    Err(broken) => return Some(Reason::broken(rule, broken.why)),
                    Ok(true) if rule.definition.effect == Decision::Forbid => {
                        return Some(Reason::rule(rule, self.scope));
                    }
                    Ok(true) => {
                        asked(rule);
                        let reason = Reason::rule(rule, self.scope);
                        if asks.as_ref().is_none_or(|a| reason.weight() > a.weight()) {
                            asks = Some(reason);
                        }
                    }
                }
                break;
            }
        }
        asks
    }

    /// What is to be said of the script as a whole, given what was said of its commands.
    fn reason_of_whole<'s>(
        &self,
        script: &'s Script,
        reasons: &[Reason],
        asks: &mut Vec<Ask<'a, 's>>,
    ) -> Reason {
        let reason = self.enforced(script, reasons, asks);
        let asks = reason.decision() == Some(Decision::RequireApproval);
        let records_only = self.enforcing == Enforcing::Configured && self.scope.audited;
        if asks && records_only && may_be_allowed(script) {
            return Reason::Audited;
        }
        reason
    }

    fn enforced<'s>(
        &self,
        script: &'s Script,
        reasons: &[Reason],
        asks: &mut Vec<Ask<'a, 's>>,
    ) -> Reason {
        let unknown_default = self.scope.unknown;
        let wide = wide_texts(script);
        let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
        let strict = self.strict(&wide, false, |rule| asks.push(Ask { rule, of: None }));
        let strictest = reasons.iter().chain(strict.as_ref()).max_by(|a, b| {
            // Of equals the first one decides, so a later one must be strictly more.
            a.weight()
                .cmp(&b.weight())
                .then(std::cmp::Ordering::Greater)
        });
        if let Some(reason) = strictest
            && reason.decision() == Some(Decision::Forbid)
        {
            return reason.clone();
        }
        if !may_be_allowed(script) {
            return match (unknown_default, strictest) {
                (Unknown::Reject, _) => Reason::Opaque(Decision::Forbid),
                (Unknown::Ask, Some(reason @ Reason::Rule { .. }))
                    if reason.decision() == Some(Decision::RequireApproval) =>
                {
                    reason.clone()
                }
                (Unknown::Ask, _) => Reason::Opaque(Decision::RequireApproval),
            };
        }
        // What a wrapper runs directly is judged with the wrapper; what it hands to a shell is a
        // script of its own, and each command of it has to be known.
        let unknown =
            script
                .commands()
                .iter()
                .zip(reasons)
                .enumerate()
                .any(|(place, (command, reason))| {
                    matches!(reason, Reason::Unknown)
                        && match command.reached() {
                            Reached::Outer => !asked_about_behind_prefix(script, reasons, place),
                            Reached::Program => false,
                            Reached::Text => unknown_default == Unknown::Reject,
                        }
                });
        match (unknown, unknown_default) {
            (true, Unknown::Reject) => Reason::Default(Decision::Forbid),
            (true, Unknown::Ask) => match strictest {
                Some(reason) if reason.decision() == Some(Decision::RequireApproval) => {
                    reason.clone()
                }
                _ => Reason::Default(Decision::RequireApproval),
            },
            (false, _) => strictest
                .cloned()
                .unwrap_or(Reason::Opaque(Decision::Forbid)),
        }
    }
}

/// A command itself, and what stands behind each prefix of it: `timeout 5 df` does what `df` does,
/// so a rule for `df` is enough.
pub(super) fn forms(command: &SimpleCommand) -> Vec<Form<'_>> {
    let argv = command.argv();
    let mut forms = vec![Form {
        word: argv.first().copied().flatten(),
        canonical: command.canonical(),
        sudo: false,
    }];
    let words: Vec<&str> = argv.into_iter().flatten().collect();
    for step in prefix::steps(&words) {
        let behind = words.get(step.words..).unwrap_or_default();
        forms.push(Form {
            word: behind.first().copied(),
            canonical: shell::quote_all(behind.iter().copied()),
            sudo: step.sudo,
        });
    }
    forms
}

/// Whether a command is a harmless prefix or `sudo` before one that a rule asks about: the human
/// who is asked sees both, so a rule for `systemctl restart` is one for `sudo systemctl restart`.
pub(super) fn asked_about_behind_prefix(script: &Script, reasons: &[Reason], place: usize) -> bool {
    let commands = script.commands();
    let Some(outer) = commands.get(place) else {
        return false;
    };
    let words: Vec<&str> = outer.argv().into_iter().flatten().collect();
    commands.iter().zip(reasons).any(|(inner, reason)| {
        inner.reached() == Reached::Program
            && matches!(reason, Reason::Rule { .. })
            && reason.decision() == Some(Decision::RequireApproval)
            && prefix::leads_to(&words, &inner.argv())
    })
}

/// Whether all of a script can be read, in it and in what it hands to another shell.
pub(super) fn may_be_allowed(script: &Script) -> bool {
    script.opaque().is_none() && script.inner_texts_are_plain()
}

/// The texts that belong to no single command: all of it, and whole pipelines.
fn wide_texts(script: &Script) -> Vec<String> {
    let mut texts = vec![script.text().to_owned()];
    let commands = script.commands();
    for pipeline in script.pipelines() {
        let stages: Vec<&SimpleCommand> = pipeline
            .iter()
            .filter_map(|place| commands.get(*place))
            .collect();
        let innermost = pipeline.iter().filter_map(|place| {
            // The last one found behind a stage is the one that no wrapper hides.
            let mut place = *place;
            while let Some(inner) = commands
                .iter()
                .position(|c| c.wrapped_in() == Some(place) && c.reached() == Reached::Program)
            {
                place = inner;
            }
            commands.get(place)
        });
        let mut join = |stages: Vec<String>| {
            let text = stages.join(" | ");
            if !texts.contains(&text) {
                texts.push(text);
            }
        };
        join(stages.iter().map(|stage| stage.canonical()).collect());
        join(stages.iter().map(|stage| stage.bare()).collect());
        join(innermost.map(SimpleCommand::bare).collect());
    }
    texts
}
