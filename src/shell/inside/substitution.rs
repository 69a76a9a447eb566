//! The bodies of substitutions in a raw word, which the library leaves as text.
//!
//! **Reads** one raw word.
//! **Gives** the texts that bash would run for it.
//! **Never** overlooks one for the sake of a quote that it is not sure of.

/// Collects the bodies of `$(...)`, `<(...)`, `>(...)` and backquotes in a raw word.
pub(super) fn substitutions(raw: &str, texts: &mut Vec<String>) {
    let mut rest = raw;
    let mut in_double = false;
    while let Some(character) = rest.chars().next() {
        let behind = rest.get(character.len_utf8()..).unwrap_or_default();
        let next = behind.chars().next();
        match character {
            '"' => in_double = !in_double,
            '\\' => {
                let escaped = next.map_or(0, char::len_utf8);
                rest = behind.get(escaped..).unwrap_or_default();
                continue;
            }
            '\'' if !in_double => {
                rest = behind.split_once('\'').map_or("", |(_, after)| after);
                continue;
            }
            '$' | '<' | '>' if next == Some('(') => {
                let body = behind.get(1..).unwrap_or_default();
                // `$((` is arithmetic: only what stands in it can run something.
                if body.starts_with('(') && character == '$' {
                    rest = body;
                    continue;
                }
                let (inside, after) = until_closed(body);
                texts.push(inside.to_owned());
                rest = after;
                continue;
            }
            '`' => {
                let (inside, after) = until_backquote(behind);
                texts.push(inside);
                rest = after;
                continue;
            }
            _ => {}
        }
        rest = behind;
    }
}

fn until_closed(body: &str) -> (&str, &str) {
    let mut depth = 1usize;
    for (place, character) in body.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (inside, after) = body.split_at_checked(place).unwrap_or((body, ""));
            return (inside, after.get(1..).unwrap_or_default());
        }
    }
    (body, "")
}

fn until_backquote(body: &str) -> (String, &str) {
    let mut inside = String::new();
    let mut characters = body.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '`' => return (inside, body.get(place + 1..).unwrap_or_default()),
            '\\' => match characters.next() {
                Some((_, next @ ('`' | '$' | '\\'))) => inside.push(next),
                Some((_, next)) => inside.extend(['\\', next]),
                None => {}
            },
            _ => inside.push(character),
        }
    }
    (inside, "")
}
