//! Whether the log is signed, handed on and rotated.
//!
//! **Reads** the directory beside the log, and what the last checkpoint left.
//! **Gives** findings.
//! **Never** signs anything.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::Finding;
use crate::audit::checkpoint;
use crate::config::Config;
use crate::home::Home;

pub(super) fn examine(home: &Home, config: &Config) -> Vec<Finding> {
    vec![directory(home), signed(home), rotated(home, config)]
}

fn directory(home: &Home) -> Finding {
    let path = home.evidence();
    let shown = path.display();
    let owner = fs::metadata(home.audit()).map(|facts| facts.uid());
    match fs::metadata(&path) {
        Ok(facts) if facts.mode() & 0o022 != 0 => Finding::bad(
            format!("others may write into `{shown}`"),
            format!("chmod 0750 {shown}"),
        ),
        Ok(facts) if facts.is_dir() && owner.is_ok_and(|owner| owner == facts.uid()) => {
            Finding::ok(format!("directory beside the log `{shown}`"))
        }
        _ => Finding::warning(
            format!(
                "`{shown}` is no directory of the log's owner: nothing is signed or rotated, and long outputs are cut"
            ),
            format!("install -d -o aiopsexec -g aiopsexec -m 0750 {shown}"),
        ),
    }
}

fn signed(home: &Home) -> Finding {
    let cure = "sudo -u aiopsexec /opt/aiops/aiops audit checkpoint";
    if let Some(trouble) = checkpoint::trouble(home) {
        let what = trouble.what.join("; ");
        return Finding::warning(format!("the checkpoint of {}: {what}", trouble.at), cure);
    }
    let empty = fs::metadata(home.audit()).is_ok_and(|facts| facts.len() == 0);
    match checkpoint::read(home) {
        Ok(notes) if notes.is_empty() && !empty => {
            Finding::warning("no checkpoint signs the log yet", cure)
        }
        Ok(notes) => Finding::ok(format!("{} checkpoints sign the log", notes.len())),
        Err(fault) => Finding::warning(format!("the checkpoints cannot be read: {fault}"), cure),
    }
}

/// A log that could be rotated is never twice as long as it may be.
fn rotated(home: &Home, config: &Config) -> Finding {
    let length = fs::metadata(home.audit()).map_or(0, |facts| facts.len());
    let limit = config.audit.rotation.bytes;
    if length / 2 <= limit {
        return Finding::ok("the log is rotated");
    }
    Finding::warning(
        format!(
            "the live log has {length} bytes, and begins a new segment after {limit}: it cannot be rotated"
        ),
        "aiops audit rotate, as root where the log has the attribute `a`",
    )
}
