//! That a request was shown: what makes a bare word able to mean it.
//!
//! **Reads** nothing.
//! **Gives** [`Shown`].
//! **Never** says so before the answer that shows it was handed over.

use std::path::PathBuf;

use uuid::Uuid;

use super::store;
use crate::uptime::Moment;

/// A request that is about to be shown for the first time.
#[derive(Debug)]
#[must_use = "a bare word can mean a request only once this was called"]
pub struct Shown {
    dir: PathBuf,
    id: Uuid,
}

impl Shown {
    pub(super) fn new(dir: PathBuf, id: Uuid) -> Self {
        Self { dir, id }
    }

    /// Notes that it was shown by now. Where that cannot be noted, a reply has to name the request
    /// by its code.
    pub fn at(self, moment: Moment) {
        let _ = store::mark_shown(&self.dir, &self.id, &moment.mark());
    }
}
