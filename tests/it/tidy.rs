//! Rules of the house, checked on its own source.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The source files, each with the room it belongs to.
fn sources() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path
                    .strip_prefix(root().join("src"))
                    .unwrap()
                    .display()
                    .to_string();
                let room = name.split(['/', '.']).next().unwrap().to_owned();
                found.push((room, name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// The code of a file without its tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

fn rooms() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .map(|line| line.trim_end_matches(';').to_owned())
        .collect()
}

#[test]
fn a_room_imports_only_rooms_above_it() {
    let rooms = rooms();
    let place = |room: &str| rooms.iter().position(|known| known == room);
    for (room, name, text) in sources() {
        let Some(here) = place(&room) else { continue };
        for line in code(&text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for used in line.split("crate::").skip(1) {
                let used = used
                    .split(|c: char| !c.is_ascii_lowercase() && c != '_')
                    .next()
                    .unwrap();
                let there = place(used).unwrap_or_else(|| panic!("{name}: no room `{used}`"));
                assert!(
                    there <= here,
                    "{name} looks down from `{room}` to `{used}`: {line}"
                );
            }
        }
    }
}

#[test]
fn imports_are_one_path_a_line() {
    for (_, name, text) in sources() {
        if name.ends_with("tests.rs") {
            continue;
        }
        for line in code(&text).lines() {
            let is_import = line.starts_with("use ") || line.starts_with("pub use ");
            assert!(!(is_import && line.contains('{')), "{name}: {line}");
            assert!(!line.contains("use super::*"), "{name}: {line}");
        }
    }
}

#[test]
fn every_file_begins_with_its_card() {
    for (room, name, text) in sources() {
        if name.ends_with("tests.rs") {
            continue;
        }
        assert!(text.starts_with("//! "), "{name} has no first sentence");
        if room != "lib" {
            for part in ["//! **Reads**", "//! **Gives**", "//! **Never**"] {
                assert!(text.contains(part), "{name} has no line {part}");
            }
        }
    }
}

#[test]
fn there_are_no_drawers_and_no_notes_to_self() {
    let words = ["TODO", "FIXME", "dbg!", "todo!(", "unimplemented!("];
    for (_, name, text) in sources() {
        for drawer in ["util", "helper", "common", "misc", "manager"] {
            assert!(!name.contains(drawer), "{name}");
        }
        for word in words {
            assert!(!text.contains(word), "{name} holds {word}");
        }
    }
}

#[test]
fn only_the_gate_makes_the_right_to_run() {
    let makes = |text: &str| {
        code(text).matches("Authorized {").count()
            - code(text).matches("struct Authorized {").count()
            - code(text).matches("impl Authorized {").count()
    };
    for (room, name, text) in sources() {
        let text: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        let made = makes(&text);
        assert!(
            made == 0 || room == "authorize",
            "{name} makes an `Authorized`"
        );
    }
}

#[test]
fn proofs_can_be_shown_and_nothing_else() {
    let proofs = [
        "Allowed",
        "NeedsApproval",
        "Forbidden",
        "Approved",
        "Granted",
        "Verified",
        "Receipt",
        "Authorized",
        "Executed",
        "Confirmed",
        "Clear",
        "Verified",
    ];
    for (_, name, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            for proof in proofs {
                if line.starts_with(&format!("pub struct {proof} {{"))
                    || line.starts_with(&format!("pub struct {proof}("))
                {
                    let above = lines[..at]
                        .iter()
                        .rev()
                        .take_while(|line| line.starts_with("#[") || line.starts_with("///"));
                    let derives: Vec<&&str> =
                        above.filter(|line| line.starts_with("#[derive")).collect();
                    assert_eq!(derives, [&"#[derive(Debug)]"], "{name}: {proof}");
                }
            }
        }
    }
}

#[test]
fn only_some_rooms_touch_the_world() {
    let allowed = |needle: &str, rooms: &[&str]| {
        for (room, name, text) in sources() {
            let code = code(&text);
            let found = code
                .lines()
                .any(|line| !line.trim_start().starts_with("//") && line.contains(needle));
            assert!(
                !found || rooms.contains(&room.as_str()) || name.ends_with("tests.rs"),
                "{name} uses {needle}"
            );
        }
    };
    allowed("openssh::", &["ssh"]);
    allowed("tokio::", &["ssh"]);
    allowed("std::process::Command", &["ssh", "doctor", "audit"]);
    allowed("Utc::now()", &["main"]);
    allowed("env::var", &["main"]);
    allowed("anyhow::", &["main"]);
    allowed("println!", &["main"]);
}

/// Every Markdown file of the repository.
fn papers() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "fuzz" {
                folders.push(path);
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((
                    path.strip_prefix(root()).unwrap().display().to_string(),
                    text,
                ));
            }
        }
    }
    found
}

#[test]
fn links_between_papers_lead_somewhere() {
    for (name, text) in papers() {
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#', ' ']).next().unwrap();
            if link.is_empty() || link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let target = root().join(&name).parent().unwrap().join(link);
            assert!(target.exists(), "{name} links to {link}");
        }
    }
}

#[test]
fn papers_name_only_files_of_the_source_that_exist() {
    for (name, text) in papers() {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c))) {
            if (word.starts_with("src/") || word.starts_with("tests/")) && word.ends_with(".rs") {
                assert!(root().join(word).exists(), "{name} names {word}");
            }
        }
    }
}

#[test]
fn every_test_that_a_paper_names_exists() {
    let mut tests = String::new();
    let mut folders = vec![root().join("src"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|ending| ending == "rs" || ending == "sh")
            {
                tests.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let threats = fs::read_to_string(root().join("docs/threats.md")).unwrap_or_default();
    for named in threats.split('`').skip(1).step_by(2) {
        let looks = named.matches('_').count() >= 3
            && named
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
        if looks {
            assert!(
                tests.contains(&format!("fn {named}(")),
                "docs/threats.md names the test {named}"
            );
        }
    }
}

#[test]
fn nothing_names_the_machine_it_was_made_on() {
    let forbidden = [["/wo", "rk/"].concat(), ["/fa", "rm/"].concat()];
    let mut texts: Vec<(String, String)> = sources()
        .into_iter()
        .map(|(_, name, text)| (name, text))
        .chain(papers())
        .collect();
    for name in [
        "setup-aiops-mvp.sh",
        "prepare-hermes-host.sh",
        "config.example.yml",
        "Cargo.toml",
    ] {
        if Path::new(&root().join(name)).exists() {
            texts.push((
                name.to_owned(),
                fs::read_to_string(root().join(name)).unwrap(),
            ));
        }
    }
    for (name, text) in texts {
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{name} holds {word}");
        }
    }
}
