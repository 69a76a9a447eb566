//! Puts new rules into the text of a configuration, and shows the difference.
//!
//! **Reads** the text, and the lines to add.
//! **Gives** [`Patch`]: the new text, and a unified diff.
//! **Never** touches a line that is there.

/// Lines that are added at one place.
pub(super) struct Patch {
    old: Vec<String>,
    at: usize,
    added: Vec<String>,
}

/// Where new rules have to stand.
pub(super) struct Place {
    at: usize,
    indent: String,
    heading: bool,
}

/// Finds the end of the list `auto_allowed`, or the end of a file that has none.
///
/// # Errors
///
/// In words, where no line can be added without touching another one.
pub(super) fn place(text: &str) -> Result<Place, String> {
    if !text.ends_with('\n') || text.contains('\r') {
        return Err("the file does not end with a line break, or has carriage returns".to_owned());
    }
    let lines: Vec<&str> = text.lines().collect();
    let key = |line: &&str| {
        let line = line.trim_start();
        line.strip_prefix("auto_allowed:").is_some()
    };
    let mut found = lines.iter().enumerate().filter(|(_, line)| key(line));
    let (Some((start, line)), None) = (found.next(), found.next()) else {
        if lines
            .iter()
            .any(|line| key(line) || line.starts_with("policy:"))
        {
            return Err("the list `auto_allowed` was not found in it".to_owned());
        }
        return Ok(Place {
            at: lines.len(),
            indent: "  ".to_owned(),
            heading: true,
        });
    };
    let rest = line.trim_start().trim_start_matches("auto_allowed:").trim();
    if !(rest.is_empty() || rest.starts_with('#')) {
        return Err("the list `auto_allowed` stands on one line; write one rule a line".to_owned());
    }
    let depth = indent(line).len();
    let mut at = start + 1;
    let mut item = None;
    for (number, line) in lines.iter().enumerate().skip(start + 1) {
        let text = line.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let deep = indent(line).len();
        let starts = text == "-" || text.starts_with("- ");
        if deep < depth || deep == depth && !starts {
            break;
        }
        if starts && item.is_none() {
            item = Some(indent(line).to_owned());
        }
        at = number + 1;
    }
    Ok(Place {
        at,
        indent: item.unwrap_or_else(|| format!("{}  ", indent(line))),
        heading: false,
    })
}

impl Patch {
    /// Adds lines, each with the indentation of the list.
    pub(super) fn new(text: &str, place: &Place, rules: &[String]) -> Self {
        let heading = place.heading.then(|| "auto_allowed:".to_owned());
        let added = rules.iter().map(|line| format!("{}{line}", place.indent));
        Self {
            old: text.lines().map(str::to_owned).collect(),
            at: place.at,
            added: heading.into_iter().chain(added).collect(),
        }
    }

    /// The text with the lines in it.
    pub(super) fn text(&self) -> String {
        let (before, after) = self.old.split_at(self.at.min(self.old.len()));
        let mut text = String::new();
        for line in before.iter().chain(&self.added).chain(after) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// The difference, as `patch` takes it.
    pub(super) fn diff(&self, name: &str) -> String {
        let (before, after) = self.old.split_at(self.at.min(self.old.len()));
        let skipped = before.len().saturating_sub(CONTEXT);
        let before = before.get(skipped..).unwrap_or_default();
        let after = after.get(..after.len().min(CONTEXT)).unwrap_or_default();
        let kept = before.len() + after.len();
        let mut diff = format!(
            "--- {name}\n+++ {name}\n@@ -{start},{kept} +{start},{} @@\n",
            kept + self.added.len(),
            start = skipped + 1,
        );
        let kinds = [(' ', before), ('+', &self.added), (' ', after)];
        for (mark, lines) in kinds {
            for line in lines {
                diff.push(mark);
                diff.push_str(line);
                diff.push('\n');
            }
        }
        diff
    }
}

fn indent(line: &str) -> &str {
    line.get(..line.len() - line.trim_start().len())
        .unwrap_or_default()
}

/// Lines of the file that are shown on either side.
const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let place = place(text).unwrap_or_else(|why| panic!("{why}"));
        let patch = Patch::new(text, &place, &["- new".to_owned(), "  x: 1".to_owned()]);
        assert_eq!(patch.text(), expected);
    }

    #[test]
    fn rules_are_added_behind_the_last_one_of_the_list() {
        check(
            "auto_allowed:\n  - df\n  # about ls\n  - ls\n\n# more\nforbidden: []\n",
            "auto_allowed:\n  - df\n  # about ls\n  - ls\n  - new\n    x: 1\n\n# more\nforbidden: []\n",
        );
        check(
            "auto_allowed:\n- df\nforbidden: []\n",
            "auto_allowed:\n- df\n- new\n  x: 1\nforbidden: []\n",
        );
        check(
            "policy:\n  auto_allowed:\n    - pattern: |-\n        df\n  forbidden: []\n",
            "policy:\n  auto_allowed:\n    - pattern: |-\n        df\n    - new\n      x: 1\n  forbidden: []\n",
        );
        check(
            "mode: lab\n",
            "mode: lab\nauto_allowed:\n  - new\n    x: 1\n",
        );
    }

    #[test]
    fn what_cannot_be_added_to_is_said() {
        for text in [
            "auto_allowed: [df]\n",
            "auto_allowed:\n  - df",
            "policy: {}\n",
        ] {
            assert!(place(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_difference_names_its_lines() {
        let text = "a: 1\nb: 2\nc: 3\nd: 4\nauto_allowed:\n  - df\ne: 5\n";
        let patch = Patch::new(text, &place(text).unwrap(), &["- ls".to_owned()]);
        assert_eq!(
            patch.diff("config.yml"),
            "--- config.yml\n+++ config.yml\n@@ -4,4 +4,5 @@\n d: 4\n auto_allowed:\n   - df\n+  - ls\n e: 5\n"
        );
    }
}
