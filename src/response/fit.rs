//! Cuts output so that the whole answer stays under the client's limit.
//!
//! **Reads** nothing.
//! **Gives** [`fit`], [`shortened`], [`cut`].
//! **Never** cuts without a mark that says so.

use super::Response;

/// Cuts the answer until, written as JSON, it has at most `limit` characters: the outputs first,
/// then the lists, then the message. What nobody cut needs no facts beside it.
pub(super) fn fit(response: &mut Response, limit: usize) {
    let stdout = response.stdout.take();
    let stderr = response.stderr.take();
    let bare = length(response);
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
    for (facts, cut) in [
        (&mut response.stdout_facts, out > out_room),
        (&mut response.stderr_facts, err > err_room),
    ] {
        if let Some(facts) = facts {
            facts.truncated |= cut;
        }
        let remarkable = facts
            .as_ref()
            .is_some_and(|facts| facts.truncated || facts.not_utf8);
        *facts = facts.take().filter(|_| remarkable);
    }
    if out > out_room || err > err_room {
        response.truncated = Some(true);
    }
    response.stdout = stdout.map(|text| cut(text, out_room));
    response.stderr = stderr.map(|text| cut(text, err_room));
    fit_lists(response, limit);
    let over = length(response).saturating_sub(limit);
    if over > 0 {
        let kept = response
            .message
            .chars()
            .count()
            .saturating_sub(over + MARK_ROOM);
        response.message = shortened(&response.message, kept);
    }
}

/// Drops entries from the end of the lists, and says in the message how many.
fn fit_lists(response: &mut Response, limit: usize) {
    let mut missing = 0;
    while length(response) + MARK_ROOM > limit {
        let commands = response.commands.as_mut().and_then(Vec::pop).is_some();
        let pending = response.pending.as_mut().and_then(Vec::pop).is_some();
        if !commands && !pending {
            break;
        }
        missing += 1;
    }
    if missing > 0 {
        response
            .message
            .push_str(&format!(" [… {missing} more are not listed]"));
    }
}

/// Characters of the answer as JSON.
pub(super) fn length(response: &Response) -> usize {
    serde_json::to_string(response).map_or(0, |json| json.chars().count())
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
pub(crate) fn cut(text: String, room: usize) -> String {
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
