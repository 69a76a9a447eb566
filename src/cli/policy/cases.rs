//! A file of commands, each with the decision that it must get.
//!
//! **Reads** the text of the file.
//! **Gives** [`Case`]s, or the first line that is none.
//! **Never** passes over a line that it does not understand.

use crate::policy::Decision;

/// One command with the decision it must get.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// The line of the file, from 1.
    pub(super) line: usize,
    pub(super) expected: Decision,
    pub(super) command: String,
    /// Why, in the author's words.
    pub(super) reason: Option<String>,
}

/// A line that is no case.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(super) struct BadLine {
    line: usize,
    problem: String,
}

/// Reads all cases. Empty lines, and lines that begin with `#`, say nothing.
pub(super) fn read(text: &str) -> Result<Vec<Case>, BadLine> {
    let mut cases = Vec::new();
    for (place, text) in text.lines().enumerate() {
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let line = place + 1;
        cases.push(case(line, text).map_err(|problem| BadLine { line, problem })?);
    }
    Ok(cases)
}

fn case(line: usize, text: &str) -> Result<Case, String> {
    let mut columns = text.split('\t');
    let word = columns.next().unwrap_or_default();
    let expected = match word {
        "allow" | "auto_allowed" => Decision::Allow,
        "ask" | "approval_required" => Decision::RequireApproval,
        "forbid" | "forbidden" => Decision::Forbid,
        _ => {
            return Err(format!(
                "`{}` is no decision; write `allow`, `ask` or `forbid`, then a tab and the command",
                crate::visible::line(word)
            ));
        }
    };
    let command = columns.next().unwrap_or_default();
    if command.is_empty() {
        return Err("there is no command; a tab stands before it".to_owned());
    }
    let reason = columns.next().map(str::to_owned);
    if columns.next().is_some() {
        let problem = "there are more than three columns; write <TAB> for a tab in a command";
        return Err(problem.to_owned());
    }
    Ok(Case {
        line,
        expected,
        command: unescaped(command)?,
        reason,
    })
}

/// `<NL>`, `<TAB>`, `<CR>` and `\u{...}` stand for what a line cannot hold.
fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        let (character, behind) = after
            .split_once('}')
            .and_then(|(digits, behind)| {
                let number = u32::from_str_radix(digits, 16).ok()?;
                Some((char::from_u32(number)?, behind))
            })
            .ok_or("`\\u{...}` holds no code point in hexadecimal digits")?;
        out.push_str(before);
        out.push(character);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out
        .replace("<NL>", "\n")
        .replace("<TAB>", "\t")
        .replace("<CR>", "\r"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_a_decision_is_known() {
        for (word, expected) in [
            ("allow", Decision::Allow),
            ("auto_allowed", Decision::Allow),
            ("ask", Decision::RequireApproval),
            ("approval_required", Decision::RequireApproval),
            ("forbid", Decision::Forbid),
            ("forbidden", Decision::Forbid),
        ] {
            let cases = read(&format!("# a comment\n\n{word}\tdf -h\tdaily\n")).unwrap();
            let expected = Case {
                line: 3,
                expected,
                command: "df -h".to_owned(),
                reason: Some("daily".to_owned()),
            };
            assert_eq!(cases, [expected]);
        }
    }

    #[test]
    fn what_a_line_cannot_hold_is_written_out() {
        let cases = read("ask\ta<NL>b<TAB>c<CR>\\u{200b}d\\u{41}").unwrap();
        assert_eq!(cases[0].command, "a\nb\tc\r\u{200b}dA");
        assert_eq!(cases[0].reason, None);
    }

    #[test]
    fn a_line_that_is_no_case_is_named() {
        for (text, line, expected) in [
            ("allow\tdf\nmaybe\tdf", 2, "`maybe` is no decision"),
            ("allow df", 1, "no decision"),
            ("allow", 1, "no command"),
            ("allow\t", 1, "no command"),
            ("allow\t\treason", 1, "no command"),
            ("\n# x\nallow\ta\tb\tc", 3, "more than three"),
            ("ask\t\\u{zz}", 1, "code point"),
            ("ask\t\\u{d800}", 1, "code point"),
            ("ask\t\\u{41", 1, "code point"),
        ] {
            let bad = read(text).unwrap_err();
            assert_eq!(bad.line, line, "{text:?}");
            assert!(bad.problem.contains(expected), "{text:?}: {bad}");
        }
    }

    #[test]
    fn the_corpus_of_this_repository_is_such_a_file() {
        let cases = read(include_str!("../../../tests/corpus/policy.tsv")).unwrap();
        assert!(cases.len() > 3000);
        assert!(cases.iter().all(|case| case.reason.is_some()));
    }
}
