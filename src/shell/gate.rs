//! The gate in front of every reader: which characters a command may hold at all.
//!
//! **Reads** the command text as received.
//! **Gives** the first thing in it that no reader of ours should be trusted with.
//! **Never** repairs the text.

use super::Limits;
use super::Opaque;

/// Finds what keeps `text` from being read at all, if anything does.
pub(super) fn refuse(text: &str, limits: &Limits) -> Option<Opaque> {
    if text.len() > limits.command_bytes {
        return Some(Opaque::TooLong {
            limit: limits.command_bytes,
        });
    }
    if let Some(found) = text.chars().find_map(strange) {
        return Some(found);
    }
    if text.trim_start_matches([' ', '\t', '\n']).starts_with('-') {
        return Some(Opaque::LeadingDash);
    }
    None
}

/// Names a character that may not stand in a command we read.
///
/// Beyond ASCII only letters and digits pass: everything that is invisible, turns the direction of
/// writing, looks like a blank or is unassigned falls through this list without being named in it.
fn strange(character: char) -> Option<Opaque> {
    if character.is_ascii() {
        let control = character.is_ascii_control() && character != '\n' && character != '\t';
        return control.then_some(Opaque::Control(character));
    }
    if character.is_control() {
        return Some(Opaque::Control(character));
    }
    if !character.is_alphanumeric() || looks_empty(character) {
        return Some(Opaque::Character(character));
    }
    None
}

/// Letters by their class that show nothing on a screen.
fn looks_empty(character: char) -> bool {
    matches!(
        character,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{17b4}' | '\u{17b5}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let found = refuse(text, &Limits::default());
        assert_eq!(found.map(|o| o.to_string()).as_deref(), Some(expected));
    }

    #[test]
    fn a_zero_width_space_is_named() {
        refused(
            "df\u{200b} -h",
            "it holds the character U+200B, which is easily misread",
        );
    }

    #[test]
    fn bidirectional_controls_are_named() {
        for c in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}'] {
            let text = format!("ls {c}x");
            refused(
                &text,
                &format!(
                    "it holds the character U+{:04X}, which is easily misread",
                    c as u32
                ),
            );
        }
    }

    #[test]
    fn blanks_beyond_ascii_dashes_and_fillers_are_refused() {
        for c in [
            '\u{a0}',
            '\u{2003}',
            '\u{3000}',
            '\u{1680}',
            '\u{2028}',
            '\u{feff}',
            '\u{ad}',
            '\u{2014}',
            '\u{2212}',
            '\u{2018}',
            '\u{201c}',
            '\u{3164}',
            '\u{115f}',
            '\u{2800}',
            '\u{e0075}',
            '\u{fe0f}',
            '\u{180e}',
            '\u{34f}',
            '\u{e000}',
            '\u{378}',
        ] {
            let found = refuse(&format!("ls {c}"), &Limits::default());
            assert_eq!(found, Some(Opaque::Character(c)), "{:04X}", c as u32);
        }
    }

    #[test]
    fn control_characters_are_refused_but_newline_and_tab_are_not() {
        for c in (0u8..32)
            .chain([127])
            .map(char::from)
            .chain(['\u{85}', '\u{9b}'])
        {
            let found = refuse(&format!("ls {c} x"), &Limits::default());
            let expected = (c != '\n' && c != '\t').then_some(Opaque::Control(c));
            assert_eq!(found, expected, "{:04X}", c as u32);
        }
    }

    #[test]
    fn a_leading_dash_is_refused_even_behind_blanks() {
        refused(" \n-c id", "it begins with `-`");
    }

    #[test]
    fn a_command_longer_than_the_limit_is_refused() {
        let limits = Limits {
            command_bytes: 4,
            ..Limits::default()
        };
        assert_eq!(refuse("abcde", &limits), Some(Opaque::TooLong { limit: 4 }));
        assert_eq!(refuse("abcd", &limits), None);
    }

    #[test]
    fn letters_of_other_languages_pass() {
        assert_eq!(
            refuse("grep 'für 日本' /var/log/syslog", &Limits::default()),
            None
        );
    }
}
