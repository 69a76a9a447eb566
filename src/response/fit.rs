//! Cuts output so that the whole answer stays under the client's limit.
//!
//! **Reads** nothing.
//! **Gives** [`fit`], [`shortened`].
//! **Never** cuts without a mark that says so.

use super::Response;

/// Cuts `stdout` and `stderr` until the answer, written as JSON, has at most `limit` characters.
pub(super) fn fit(response: &mut Response, limit: usize) {
    let stdout = response.stdout.take();
    let stderr = response.stderr.take();
    let bare = serde_json::to_string(&response).map_or(0, |json| json.chars().count());
    let room = limit.saturating_sub(bare + MARGIN);
    let (out, err) = (written(stdout.as_deref()), written(stderr.as_deref()));
    let (out_room, err_room) = if out + err <= room {
        (out, err)
    } else if err <= room / 2 {
        (room - err, err)
    } else if out <= room / 2 {
        (out, room - out)
    } else {
        (room / 2, room / 2)
    };
    if out > out_room || err > err_room {
        response.truncated = Some(true);
    }
    response.stdout = stdout.map(|text| cut(text, out_room));
    response.stderr = stderr.map(|text| cut(text, err_room));
}

/// The beginning of a text, and how much of it is missing.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit).collect();
    format!("{kept}[… {} more characters]", length - limit)
}

/// How many characters a text has as a JSON string (RFC 8259 section 7, as serde_json writes it).
fn written(text: Option<&str>) -> usize {
    text.map_or(0, |text| text.chars().map(width).sum())
}

fn width(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        _ => 1,
    }
}

/// Takes the middle out of a text until its JSON form has at most `room` characters.
fn cut(text: String, room: usize) -> String {
    let all = written(Some(&text));
    if all <= room {
        return text;
    }
    let half = room.saturating_sub(MARK_ROOM) / 2;
    let head: String = within(text.chars(), half).collect();
    let tail: Vec<char> = within(text.chars().rev(), half).collect();
    let kept = head.chars().count() + tail.len();
    let missing = text.chars().count() - kept;
    if half == 0 {
        return format!("[… {missing} characters cut …]");
    }
    let tail: String = tail.into_iter().rev().collect();
    format!("{head}\n[… {missing} characters cut …]\n{tail}")
}

fn within(chars: impl Iterator<Item = char>, room: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    chars.take_while(move |c| {
        used += width(*c);
        used <= room
    })
}

/// Characters for the keys of `stdout`, `stderr`, `truncated`, and the line break.
const MARGIN: usize = 64;

/// Characters for the mark of a cut.
const MARK_ROOM: usize = 60;
