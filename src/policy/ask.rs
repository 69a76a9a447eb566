//! What the rules that ask of one script say together.
//!
//! **Reads** the rules that matched, and the machine they are asked for.
//! **Gives** [`Asked`]: what is demanded, how long the question waits, what is shown with it.
//! **Never** forgets a rule because a stricter one decides.

use std::time::Duration;

use super::Decision;
use super::Policy;
use super::Rule;
use super::preview::Preview;
use crate::assurance::Demand;
use crate::shell::SimpleCommand;
use crate::target::Scope;

/// One rule that asks and matched.
pub(super) struct Ask<'r, 's> {
    pub(super) rule: &'r Rule,
    /// The command that it matched; none where it matched a pipeline or the text as it came.
    pub(super) of: Option<&'s SimpleCommand>,
}

/// What all of them say together.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) demand: Demand,
    /// Whether one of them says that it cannot be undone.
    pub(super) irreversible: bool,
    /// The one rule that asks, where nothing but it stands in the way.
    pub(super) only: Option<String>,
    pub(super) ttl: Option<Duration>,
    pub(super) previews: Vec<String>,
}

impl Asked {
    /// Puts together what matched. How long a question waits and what is shown with it is looked
    /// for only where one is asked.
    pub(super) fn of(
        policy: &Policy,
        asks: &[Ask<'_, '_>],
        scope: &Scope,
        decision: Option<Decision>,
    ) -> Asked {
        let mut asked = Asked {
            demand: scope.demand.clone(),
            irreversible: asks.iter().any(|ask| ask.rule.definition.irreversible),
            only: None,
            ttl: None,
            previews: Vec::new(),
        };
        for ask in asks {
            asked.demand = asked.demand.and(&ask.rule.demand(scope));
        }
        if decision == Some(Decision::RequireApproval) {
            asked.ttl = asks.iter().filter_map(|ask| ask.rule.definition.ttl).min();
            asked.preview(policy, asks);
        }
        asked
    }

    fn preview(&mut self, policy: &Policy, asks: &[Ask<'_, '_>]) {
        for ask in asks {
            for text in &ask.rule.definition.previews {
                if self.previews.len() >= MOST_PREVIEWS {
                    return;
                }
                // One that cannot be used is told when the policy is examined.
                let preview = Preview::parse(text, &policy.limits).ok();
                let command = preview.and_then(|p| p.of(ask.rule, ask.of, &policy.shared));
                if let Some(command) = command.filter(|command| !self.previews.contains(command)) {
                    self.previews.push(command);
                }
            }
        }
    }
}

/// How many commands a rule may want shown, and all rules together do.
pub const MOST_PREVIEWS: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Definition;
    use super::super::Fragments;
    use super::super::Verdict;
    use super::*;
    use crate::assurance::Assurance;
    use crate::assurance::Principal;
    use crate::shell::Limits;
    use crate::shell::Script;
    use crate::target::Tier;
    use crate::target::Unknown;

    fn asks(id: &str, pattern: &str) -> Definition {
        rule(Decision::RequireApproval, id, pattern)
    }

    fn rule(effect: Decision, id: &str, pattern: &str) -> Definition {
        Definition {
            id: Some(id.to_owned()),
            patterns: vec![pattern.to_owned()],
            ..Definition::new(effect)
        }
    }

    fn wants(rule: Definition, previews: &[&str]) -> Definition {
        Definition {
            previews: previews.iter().map(|text| (*text).to_owned()).collect(),
            ..rule
        }
    }

    fn people(level: Assurance, min: u32, all_of: &[&str], any_of: &[&str]) -> Demand {
        let names = |names: &[&str]| -> BTreeSet<Principal> {
            names.iter().map(|n| Principal::parse(n).unwrap()).collect()
        };
        let any_of = Some(names(any_of)).filter(|names| !names.is_empty());
        Demand::of(level).and(&Demand {
            level,
            min,
            all_of: names(all_of),
            any_of: any_of.into_iter().collect(),
        })
    }

    fn of(rules: Vec<Definition>) -> Policy {
        with(&[], rules)
    }

    fn with(fragments: &[(&str, &str)], rules: Vec<Definition>) -> Policy {
        let fragments = Fragments::of(fragments);
        Policy::new(rules, fragments, Limits::default(), 1_000_000)
    }

    fn lab() -> Scope {
        Scope::of_tier(Tier::Lab)
    }

    fn on(policy: &Policy, scope: &Scope, text: &str) -> Verdict {
        policy.verdict(&Script::parse(text, &Limits::default()), scope)
    }

    #[track_caller]
    fn shows(rules: Vec<Definition>, text: &str, expected: &[&str]) {
        assert_eq!(on(&of(rules), &lab(), text).previews(), expected, "{text}");
    }

    #[test]
    fn what_every_matching_rule_and_the_machine_demand_is_demanded_together() {
        use Assurance::OutOfBand;
        use Assurance::Relayed;
        let demands = |rule, demand| Definition { demand, ..rule };
        let policy = of(vec![
            demands(asks("first", "restart"), people(Relayed, 2, &["dba"], &[])),
            demands(
                asks("second", "nginx"),
                people(OutOfBand, 1, &[], &["%sre", "bob"]),
            ),
            demands(
                asks("elsewhere", "postgres"),
                people(Relayed, 9, &["never"], &[]),
            ),
            demands(
                asks("pipe", r"df \| tee"),
                people(Relayed, 1, &[], &["carol"]),
            ),
        ]);
        let machine = Scope {
            demand: people(Relayed, 3, &["%night"], &["%sre"]),
            ..lab()
        };
        let text = "systemctl restart nginx";
        let together = people(OutOfBand, 3, &["dba", "%night"], &["%sre", "bob"]).and(&people(
            Relayed,
            1,
            &[],
            &["%sre"],
        ));
        assert_eq!(*on(&policy, &machine, text).demand(), together);
        let at_home = on(&policy, &lab(), text);
        assert_eq!(
            *at_home.demand(),
            people(OutOfBand, 2, &["dba"], &["%sre", "bob"])
        );
        assert_eq!(at_home.needs(), OutOfBand);
        let piped = on(&policy, &lab(), "df | tee /x");
        assert_eq!(*piped.demand(), people(OutOfBand, 1, &[], &["carol"]));
        let unknown = on(&policy, &machine, "frob");
        assert_eq!(*unknown.demand(), machine.demand);
    }

    #[test]
    fn a_rule_that_decides_nothing_still_has_its_people_asked() {
        let weak = Definition {
            demand: people(Assurance::OutOfBand, 1, &["dba"], &[]),
            ..asks("weak", "nginx")
        };
        let strong = Definition {
            demand: Demand::of(Assurance::SecondFactor),
            ..asks("strong", "restart")
        };
        let policy = of(vec![weak, strong]);
        let verdict = on(&policy, &lab(), "systemctl restart nginx");
        assert_eq!(verdict.rule(), Some("strong"));
        assert_eq!(
            *verdict.demand(),
            people(Assurance::SecondFactor, 1, &["dba"], &[])
        );
    }

    #[test]
    fn how_many_people_a_rule_wants_does_not_make_it_the_strictest() {
        let second = Definition {
            demand: people(Assurance::OutOfBand, 5, &[], &[]),
            ..asks("second", "restart")
        };
        let first = Definition {
            demand: Demand::of(Assurance::OutOfBand),
            ..asks("first", "restart")
        };
        let verdict = on(&of(vec![first, second]), &lab(), "restart");
        assert_eq!(verdict.rule(), Some("first"));
        assert_eq!(verdict.demand().min, 5);
    }

    #[test]
    fn the_shortest_time_to_wait_counts() {
        let timed = |id, pattern, minutes: u64| Definition {
            ttl: Some(Duration::from_secs(60 * minutes)),
            ..asks(id, pattern)
        };
        let policy = of(vec![
            timed("slow", "^systemctl", 30),
            timed("quick", "nginx", 5),
            asks("any", "restart"),
            rule(Decision::Allow, "df", "df"),
        ]);
        let minutes = |text| {
            on(&policy, &lab(), text)
                .ttl()
                .map(|time| time.as_secs() / 60)
        };
        assert_eq!(minutes("systemctl restart x"), Some(30));
        assert_eq!(minutes("systemctl restart nginx"), Some(5));
        assert_eq!(minutes("df; sudo systemctl restart x | cat nginx"), Some(5));
        assert_eq!(minutes("restart"), None);
        assert_eq!(minutes("df"), None);
    }

    #[test]
    fn previews_stand_in_the_order_of_commands_and_rules_without_doubles_and_are_four_at_most() {
        let rules = || {
            vec![
                wants(asks("a", "restart"), &["uptime", "df -h"]),
                wants(asks("b", "nginx"), &["df -h", "nginx -t"]),
                wants(asks("c", "^reboot"), &["who", "last -n 5", "w"]),
            ]
        };
        shows(
            rules(),
            "systemctl restart nginx",
            &["uptime", "df -h", "nginx -t"],
        );
        shows(rules(), "sudo systemctl restart x", &["uptime", "df -h"]);
        shows(
            rules(),
            "reboot; systemctl restart x",
            &["who", "last -n 5", "w", "uptime"],
        );
        shows(rules(), "frob", &[]);
    }

    #[test]
    fn nothing_is_shown_where_nobody_is_asked() {
        let policy = of(vec![
            wants(asks("a", "restart"), &["uptime"]),
            rule(Decision::Forbid, "no", "sshd"),
        ]);
        assert!(on(&policy, &lab(), "restart sshd").previews().is_empty());
        let production = Scope::of_tier(Tier::Production);
        let refused = on(&policy, &production, "restart; frob");
        assert_eq!(refused.decision(), Decision::Forbid);
        assert!(refused.previews().is_empty());
        let recorded = Scope {
            audited: true,
            ..lab()
        };
        let runs = on(&policy, &recorded, "restart x");
        assert_eq!(runs.decision(), Decision::Allow);
        assert!(runs.previews().is_empty());
    }

    #[test]
    fn a_place_is_filled_with_what_the_group_of_its_name_found() {
        let rules = || {
            vec![wants(
                asks("a", r"^systemctl (?<verb>restart|stop) (?P<unit>\S+)"),
                &["systemctl status <unit> --no-pager"],
            )]
        };
        let nginx = &["systemctl status nginx --no-pager"];
        shows(rules(), "systemctl restart nginx", nginx);
        shows(rules(), "sudo -n systemctl stop 'nginx'", nginx);
        shows(rules(), "timeout 5 /usr/bin/systemctl stop nginx", nginx);
        shows(rules(), "bash -c 'systemctl stop nginx'", nginx);
        shows(
            rules(),
            "systemctl stop a; systemctl restart b",
            &[
                "systemctl status a --no-pager",
                "systemctl status b --no-pager",
            ],
        );
        shows(rules(), "for i in 1; do systemctl stop nginx; done", nginx);
    }

    #[test]
    fn what_is_found_is_one_word_quoted_by_us() {
        let rules = || {
            vec![wants(
                asks("a", "^systemctl restart (?<unit>.+)$"),
                &["systemctl status <unit> --no-pager"],
            )]
        };
        shows(
            rules(),
            "systemctl restart 'a b; rm'",
            &["systemctl status 'a b; rm' --no-pager"],
        );
        shows(
            rules(),
            "/bin/systemctl restart \"it's; \\$(id)\"",
            &[r"systemctl status 'it'\''s; $(id)' --no-pager"],
        );
        // What spans two words is none, and what is settled only on the target is not known.
        shows(rules(), "systemctl restart a b", &[]);
        shows(rules(), "systemctl restart $unit", &[]);
        shows(rules(), "systemctl restart $(rm -rf /)", &[]);
        shows(rules(), "systemctl restart a >/tmp/b", &[]);
    }

    #[test]
    fn half_of_a_quoted_word_is_no_word() {
        let rules = || {
            vec![wants(
                asks("a", r"^systemctl restart (?<unit>\S+)"),
                &["systemctl status <unit>"],
            )]
        };
        shows(rules(), "systemctl restart 'a b'", &[]);
        shows(rules(), "/bin/systemctl restart 'a b'", &[]);
        shows(
            rules(),
            "systemctl restart 'a*b'",
            &["systemctl status 'a*b'"],
        );
    }

    #[test]
    fn a_place_may_be_a_part_of_a_word_or_stand_in_quotes() {
        let rules = || {
            vec![wants(
                asks("a", r"^reload /etc/(?<app>[a-z]+)/(?<file>\S+)"),
                &[
                    "grep -c '^<app> (' /etc/<app>/<file>",
                    "systemctl status <app>.service",
                ],
            )]
        };
        shows(
            rules(),
            "reload /etc/nginx/x.conf",
            &[
                "grep -c '^nginx (' /etc/nginx/x.conf",
                "systemctl status nginx.service",
            ],
        );
    }

    #[test]
    fn a_preview_whose_place_stays_empty_is_left_out() {
        let rules = || {
            vec![Definition {
                patterns: vec![
                    "^kill( (?<pid>[0-9]+))?".to_owned(),
                    "^pkill (?<name>[a-z]+)".to_owned(),
                ],
                ..wants(
                    asks("a", ""),
                    &["ps <pid>", "pgrep <name>", "uptime", "w <none>"],
                )
            }]
        };
        shows(rules(), "kill 12", &["ps 12", "uptime"]);
        shows(rules(), "kill -9 12", &["uptime"]);
        shows(rules(), "pkill java", &["pgrep java", "uptime"]);
    }

    #[test]
    fn a_pattern_with_the_name_counts_where_an_earlier_one_without_it_matches_too() {
        let rules = vec![Definition {
            patterns: vec!["^kill".to_owned(), "^kill (?<pid>[0-9]+)".to_owned()],
            ..wants(asks("a", ""), &["ps <pid>"])
        }];
        shows(rules, "kill 12", &["ps 12"]);
    }

    #[test]
    fn a_pipeline_or_the_text_as_it_came_shows_only_what_has_no_places() {
        let rules = vec![wants(
            asks("a", r"df (?<what>\S+) \| tee"),
            &["ls <what>", "uptime"],
        )];
        shows(rules, "df x | tee y", &["uptime"]);
    }

    #[test]
    fn a_group_in_a_fragment_counts_and_a_name_that_is_there_twice_is_a_fault() {
        let fragments = &[
            ("unit", "(?<unit>[a-z]+)"),
            ("a", "(?<x>a)"),
            ("b", "(?<x>b)"),
        ];
        let restart = asks("restart", "^restart {{unit}}");
        let policy = with(
            fragments,
            vec![wants(restart, &["uptime", "status <unit>"])],
        );
        assert_eq!(
            on(&policy, &lab(), "restart nginx").previews(),
            ["uptime", "status nginx"]
        );
        for pattern in ["{{unit}} {{unit}}", "{{a}}{{b}}", "(?<unit>x){{unit}}"] {
            let faults = with(fragments, vec![asks("a", pattern)]).examine(&[]);
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert_eq!(
                faults,
                ["rule `a`: the pattern cannot be used: duplicate capture group name"]
            );
        }
    }

    #[test]
    fn groups_are_compiled_only_for_a_preview_that_wants_them() {
        let policy = of(vec![
            wants(asks("a", "^restart (?<unit>.+)"), &["status <unit>"]),
            wants(asks("b", "^reload (?<unit>.+)"), &["uptime"]),
            rule(Decision::Forbid, "no", "sshd"),
        ]);
        let capturing = || {
            let patterns = policy.rules.iter().flat_map(|rule| &rule.patterns);
            patterns.filter(|pattern| pattern.is_capturing()).count()
        };
        on(&policy, &lab(), "reload x");
        on(&policy, &lab(), "restart sshd");
        assert_eq!(capturing(), 0);
        on(&policy, &lab(), "restart x");
        assert_eq!(capturing(), 1);
    }

    #[test]
    fn the_examination_tries_every_preview() {
        let everywhere = Scope {
            unknown: Unknown::Ask,
            ..lab()
        };
        let recorded = Scope {
            audited: true,
            ..lab()
        };
        let faults = |pattern: &str, examples: &[&str], preview: &str| -> Vec<String> {
            let policy = of(vec![
                Definition {
                    matches: examples.iter().map(|text| (*text).to_owned()).collect(),
                    ..wants(asks("a", pattern), &[preview])
                },
                rule(Decision::Allow, "uptime", "uptime"),
                rule(Decision::Allow, "ps", "ps -p [0-9]+"),
            ]);
            let faults = policy.examine(&[&recorded, &everywhere]);
            faults.iter().map(ToString::to_string).collect()
        };
        let kill = "^kill (?<pid>.+)";
        for good in ["uptime", "uptime; uptime", "ps -p <pid>"] {
            assert_eq!(faults(kill, &["kill 7"], good), Vec::<String>::new());
        }
        // One example that shows something is enough, and without any nothing is known.
        assert!(faults(kill, &["kill x", "kill 7"], "ps -p <pid>").is_empty());
        assert!(faults(kill, &[], "rm <pid>").is_empty());
        for (preview, expected) in [
            ("", "the preview `` cannot be used: it is empty"),
            (" ", "the preview ` ` cannot be used: it is empty"),
            (
                "ps -p <p>",
                "the preview `ps -p <p>` wants `<p>`, and no pattern of the rule has a group of this name",
            ),
            ("id", "its preview `id` is not allowed by itself"),
            (
                "uptime; id",
                "its preview `uptime; id` is not allowed by itself",
            ),
            (
                "uptime $x",
                "its preview `uptime $x` is not allowed by itself",
            ),
            (
                "ps -q <pid>",
                "its preview `ps -q 7` is not allowed by itself",
            ),
            ("<pid> x", "the program that it runs has to be written out"),
            ("ps -p <pid>; id", "has to be one simple command"),
            ("ps -p <pid> | cat", "has to be one simple command"),
            ("ps -p <pid> 2>/dev/null", "has to be one simple command"),
            ("ps -p \"$x<pid>\"", "has to be one simple command"),
            ("ps -p <pid", "is not allowed by itself"),
        ] {
            let found = faults(kill, &["kill 7"], preview);
            assert_eq!(found.len(), 1, "{preview}: {found:?}");
            assert!(found[0].starts_with("rule `a`: "), "{found:?}");
            assert!(found[0].contains(expected), "{preview}: {found:?}");
        }
    }

    #[test]
    fn a_preview_is_tried_where_its_rule_holds() {
        let only = |tier, rule: Definition| Definition {
            holds: super::super::Holds {
                tiers: vec![tier],
                ..Default::default()
            },
            ..rule
        };
        let production = Scope::of_tier(Tier::Production);
        let uptime = || rule(Decision::Allow, "uptime", "uptime");
        let asking = || wants(asks("a", "^x"), &["uptime"]);
        let faults = |rules| of(rules).examine(&[&lab(), &production]).len();
        assert_eq!(faults(vec![asking(), only(Tier::Lab, uptime())]), 0);
        assert_eq!(
            faults(vec![
                only(Tier::Production, asking()),
                only(Tier::Lab, uptime())
            ]),
            1
        );
        let nowhere = of(vec![only(Tier::Production, asking())]);
        assert_eq!(nowhere.examine(&[&lab()]), []);
    }
}
