//! What is demanded of the people who say yes, and whether those who did are enough.
//!
//! **Reads** nothing; who belongs to which group is asked of the caller.
//! **Gives** [`Demand`], [`Voice`], [`Missing`].
//! **Never** counts one person twice, or a word that anybody could have sent as a person's.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

use super::Assurance;

/// Somebody who may be named in a demand: a person, or `%group` for anybody in a Unix group, as in
/// sudoers(5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// One person by name.
    Person(String),
    /// Anybody in this Unix group.
    Group(String),
}

/// A text that names neither a person nor a group.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is named like a Unix user (`alice`) or, with `%` in front, like a Unix group (`%sre`)")]
pub struct NoPrincipal;

impl Principal {
    /// Reads `alice` or `%sre`.
    pub fn parse(text: &str) -> Result<Self, NoPrincipal> {
        let (group, name) = match text.strip_prefix('%') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !starts_well || name.len() > LONGEST_NAME || !name.chars().all(plain) {
            return Err(NoPrincipal);
        }
        let name = name.to_owned();
        Ok(if group {
            Self::Group(name)
        } else {
            Self::Person(name)
        })
    }

    fn is(&self, person: &str, is_member: &dyn Fn(&str, &str) -> bool) -> bool {
        match self {
            Self::Person(name) => name.eq_ignore_ascii_case(person),
            Self::Group(group) => is_member(person, group),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Group(name) => write!(f, "%{name}"),
        }
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text)
            .map_err(|fault| serde::de::Error::custom(format_args!("`{text}`: {fault}")))
    }
}

/// One yes: whose it is, and what it is worth by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice<'a> {
    /// The person.
    pub person: &'a str,
    /// What this answer alone is worth.
    pub level: Assurance,
}

/// What is demanded of the answers to one request, all of it together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// The assurance.
    pub level: Assurance,
    /// How many people have to say yes.
    pub min: u32,
    /// Each of these has to: the person, or somebody in the group.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub all_of: BTreeSet<Principal>,
    /// Of each of these sets somebody has to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub any_of: BTreeSet<BTreeSet<Principal>>,
}

/// What the answers so far leave to be desired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Nothing of that worth was said.
    #[error("{0} is demanded")]
    Level(Assurance),
    /// It is one person's yes, and a second factor or a second person is demanded.
    #[error(
        "a second person has to approve it too, or the same one on the gateway with a code from a phone"
    )]
    Second,
    /// Too few people.
    #[error("{have} of {min} people approved it")]
    People {
        /// How many did.
        have: u32,
        /// How many have to.
        min: u32,
    },
    /// Nobody of these.
    #[error("somebody of {} has to approve it", listed(.0))]
    From(BTreeSet<Principal>),
}

impl Demand {
    /// One answer of this worth.
    pub fn of(level: Assurance) -> Self {
        Self {
            level,
            min: 1,
            all_of: BTreeSet::new(),
            any_of: BTreeSet::new(),
        }
    }

    /// Whether it speaks of people and not of one answer's worth alone.
    pub fn is_quorum(&self) -> bool {
        self.min > 1 || !self.all_of.is_empty() || !self.any_of.is_empty()
    }

    /// Both demands together: whoever meets this one meets either.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.level = self.level.max(other.level);
        self.min = self.min.max(other.min);
        self.all_of.extend(other.all_of.iter().cloned());
        self.any_of.extend(other.any_of.iter().cloned());
        if self.is_quorum() {
            // People are counted, so it has to be known who they are.
            self.level = self.level.max(Assurance::OutOfBand);
        }
        self
    }

    /// What these answers are worth together, where they are enough. `is_member` says whether a
    /// person belongs to a Unix group.
    pub fn met_by(
        &self,
        voices: &[Voice<'_>],
        is_member: &dyn Fn(&str, &str) -> bool,
    ) -> Result<Assurance, Missing> {
        let people = people(voices);
        let worth = together(voices).ok_or(Missing::Level(self.level))?;
        if worth < self.level {
            return Err(if worth == Assurance::OutOfBand {
                Missing::Second
            } else {
                Missing::Level(self.level)
            });
        }
        if !self.is_quorum() {
            return Ok(worth);
        }
        let have = u32::try_from(people.len()).unwrap_or(u32::MAX);
        if have < self.min {
            let min = self.min;
            return Err(Missing::People { have, min });
        }
        let one_of = |set: &BTreeSet<Principal>| {
            people
                .iter()
                .any(|person| set.iter().any(|wanted| wanted.is(person, is_member)))
        };
        let each = self
            .all_of
            .iter()
            .map(|wanted| BTreeSet::from([wanted.clone()]));
        match each
            .chain(self.any_of.iter().cloned())
            .find(|set| !one_of(set))
        {
            Some(set) => Err(Missing::From(set)),
            None => Ok(worth),
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.level)?;
        if self.min > 1 {
            write!(f, "; {} people", self.min)?;
        }
        for one in &self.all_of {
            write!(f, "; {one}")?;
        }
        for set in &self.any_of {
            write!(f, "; one of {}", listed(set))?;
        }
        Ok(())
    }
}

/// What several answers are worth together; none where there is none.
pub fn together(voices: &[Voice<'_>]) -> Option<Assurance> {
    let alone = voices.iter().map(|voice| voice.level).max()?;
    Some(match alone {
        Assurance::OutOfBand if people(voices).len() > 1 => Assurance::SecondFactor,
        alone => alone,
    })
}

/// Everybody whose answer is a person's, once. `Alice` and `alice` are one: an enrolled name is typed
/// by an admin.
fn people<'a>(voices: &[Voice<'a>]) -> Vec<&'a str> {
    let mut people: Vec<&str> = Vec::new();
    for voice in voices {
        let known = |person: &&str| person.eq_ignore_ascii_case(voice.person);
        if voice.level >= Assurance::OutOfBand && !people.iter().any(known) {
            people.push(voice.person);
        }
    }
    people
}

fn listed(set: &BTreeSet<Principal>) -> String {
    let names: Vec<String> = set.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// As long as a Unix name may be.
const LONGEST_NAME: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Assurance::Client;
    use Assurance::OutOfBand;
    use Assurance::Relayed;
    use Assurance::SecondFactor;

    /// `%ab` holds whoever is called `a` or `b`.
    fn is_member(person: &str, group: &str) -> bool {
        group.contains(person)
    }

    fn quorum(min: u32, all_of: &[&str], any_of: &[&str]) -> Demand {
        let set = |names: &[&str]| -> BTreeSet<Principal> {
            names
                .iter()
                .map(|name| Principal::parse(name).unwrap())
                .collect()
        };
        let any_of = Some(set(any_of)).filter(|set| !set.is_empty());
        Demand::of(Relayed).and(&Demand {
            level: Relayed,
            min,
            all_of: set(all_of),
            any_of: any_of.into_iter().collect(),
        })
    }

    #[track_caller]
    fn check(
        demand: &Demand,
        voices: &[(&str, Assurance)],
        expected: Result<Assurance, &'static str>,
    ) {
        let voices: Vec<Voice<'_>> = voices
            .iter()
            .map(|&(person, level)| Voice { person, level })
            .collect();
        let found = demand.met_by(&voices, &is_member);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => {
                assert!(found.to_string().contains(expected), "{found} / {expected}");
            }
            (found, expected) => panic!("{found:?} / {expected:?}"),
        }
    }

    #[test]
    fn a_demand_is_met_from_there_upwards_and_never_below() {
        let levels = [Relayed, Client, OutOfBand, SecondFactor];
        for demanded in levels {
            for given in levels {
                let demand = Demand::of(demanded);
                let expected = if given >= demanded {
                    Ok(given)
                } else if given == OutOfBand {
                    Err("a second person")
                } else {
                    Err("is demanded")
                };
                check(&demand, &[("a", given)], expected);
            }
            check(&Demand::of(demanded), &[], Err("is demanded"));
        }
    }

    #[test]
    fn two_people_are_a_second_factor_and_one_person_twice_is_not() {
        let demand = Demand::of(SecondFactor);
        check(
            &demand,
            &[("a", OutOfBand), ("b", OutOfBand)],
            Ok(SecondFactor),
        );
        check(
            &demand,
            &[("a", OutOfBand), ("a", OutOfBand)],
            Err("a second person"),
        );
        check(
            &demand,
            &[("a", OutOfBand), ("b", Relayed), ("c", Client)],
            Err("a second person"),
        );
    }

    #[test]
    fn a_name_in_other_letter_case_is_no_other_person() {
        check(
            &Demand::of(SecondFactor),
            &[("alice", OutOfBand), ("Alice", OutOfBand)],
            Err("a second person"),
        );
        check(
            &quorum(1, &["Bob"], &[]),
            &[("bob", OutOfBand)],
            Ok(OutOfBand),
        );
    }

    #[test]
    fn what_several_are_worth_together_counts_a_person_once_however_written() {
        let of = |voices: &[(&'static str, Assurance)]| {
            let voices = voices
                .iter()
                .map(|&(person, level)| Voice { person, level });
            together(&voices.collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("a", OutOfBand), ("A", OutOfBand)]), Some(OutOfBand));
        assert_eq!(of(&[("a", OutOfBand), ("b", Relayed)]), Some(OutOfBand));
        assert_eq!(of(&[("a", Relayed), ("b", Relayed)]), Some(Relayed));
        assert_eq!(
            of(&[("a", OutOfBand), ("b", OutOfBand)]),
            Some(SecondFactor)
        );
        assert_eq!(of(&[("a", SecondFactor)]), Some(SecondFactor));
    }

    #[test]
    fn people_are_counted_once_and_words_never() {
        let demand = quorum(2, &[], &[]);
        check(&demand, &[("a", SecondFactor)], Err("1 of 2"));
        check(&demand, &[("a", OutOfBand), ("b", Relayed)], Err("1 of 2"));
        check(
            &demand,
            &[("a", OutOfBand), ("b", OutOfBand)],
            Ok(SecondFactor),
        );
        check(
            &demand,
            &[("a", Relayed), ("b", Relayed)],
            Err("is demanded"),
        );
    }

    #[test]
    fn each_of_all_and_one_of_any_has_to_say_yes() {
        let demand = quorum(1, &["%ab", "c"], &["d", "%ef"]);
        let yes = |people: &'static str| -> Vec<(&'static str, Assurance)> {
            people
                .split_inclusive(|_| true)
                .map(|person| (person, OutOfBand))
                .collect()
        };
        check(&demand, &yes("acd"), Ok(SecondFactor));
        check(&demand, &yes("bce"), Ok(SecondFactor));
        check(&demand, &yes("ac"), Err("somebody of d, %ef"));
        check(&demand, &yes("ad"), Err("somebody of c"));
        check(&demand, &yes("cd"), Err("somebody of %ab"));
    }

    #[test]
    fn names_like_those_of_users_and_groups_are_read_and_nothing_else() {
        for text in ["alice", "%sre", "_apt", "a.b-c"] {
            assert_eq!(Principal::parse(text).unwrap().to_string(), text);
        }
        let long = "a".repeat(33);
        for text in ["", "%", "%%a", "a b", "-a", "%-a", "a/b", "ä", &long] {
            assert_eq!(Principal::parse(text), Err(NoPrincipal), "{text}");
        }
    }

    fn demands() -> impl Strategy<Value = Demand> {
        let name = prop_oneof![Just("a"), Just("b"), Just("%ab"), Just("%c")];
        let names = proptest::collection::btree_set(name, 0..3);
        (0..4_usize, 1..4_u32, names.clone(), names).prop_map(|(level, min, all, any)| {
            let level = [Relayed, Client, OutOfBand, SecondFactor][level];
            let all: Vec<&str> = all.into_iter().collect();
            let any: Vec<&str> = any.into_iter().collect();
            quorum(min, &all, &any).and(&Demand::of(level))
        })
    }

    fn voices() -> impl Strategy<Value = Vec<(&'static str, Assurance)>> {
        let person = prop_oneof![Just("a"), Just("b"), Just("c")];
        let level = prop_oneof![
            Just(Relayed),
            Just(Client),
            Just(OutOfBand),
            Just(SecondFactor)
        ];
        proptest::collection::vec((person, level), 0..5)
    }

    proptest! {
        #[test]
        fn whoever_meets_two_demands_together_meets_each(a in demands(), b in demands(), said in voices()) {
            let voices: Vec<Voice<'_>> = said.iter().map(|&(person, level)| Voice { person, level }).collect();
            let meets = |demand: &Demand| demand.met_by(&voices, &is_member).is_ok();
            prop_assert_eq!(meets(&a.clone().and(&b)), meets(&a) && meets(&b));
        }

        #[test]
        fn one_more_voice_never_takes_a_yes_away(demand in demands(), said in voices(), more in voices()) {
            let all: Vec<_> = said.iter().chain(&more).copied().collect();
            let met = |said: &[(&'static str, Assurance)]| {
                let voices: Vec<Voice<'_>> = said.iter().map(|&(person, level)| Voice { person, level }).collect();
                demand.met_by(&voices, &is_member).is_ok()
            };
            prop_assert!(!met(&said) || met(&all));
        }
    }
}
