//! The gate: the only maker of [`Authorized`].
//!
//! **Reads** nothing itself; the log is handed in.
//! **Gives** [`Authorized`].
//! **Never** lets anything pass that is frozen, or whose intent is not on disk.

use std::time::Duration;

use crate::approval::Approved;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Receipt;
use crate::audit::Record;
use crate::freeze::Clear;
use crate::freeze::Freezes;
use crate::freeze::Frozen;
use crate::grant::Granted;
use crate::policy::Allowed;
use crate::policy::Case;
use crate::policy::Forbidden;
use crate::policy::Judged;
use crate::policy::Policy;
use crate::target::Target;

/// The right to run one request on one target once. It exists only if its intent is on disk.
///
/// It can be made nowhere but here, and it cannot be doubled:
///
/// ```compile_fail,E0451
/// # fn forge(case: aiops::policy::Case, limit: std::time::Duration, intent: aiops::audit::Receipt) {
/// let forged = aiops::authorize::Authorized { case, limit, intent };
/// # }
/// ```
///
/// ```compile_fail,E0382
/// # fn twice(authorized: aiops::authorize::Authorized) {
/// let first = authorized;
/// let second = authorized;
/// # }
/// ```
///
/// What is forbidden has no way in:
///
/// ```compile_fail,E0308
/// # fn force(forbidden: aiops::policy::Forbidden, intent: aiops::audit::Record, log: &aiops::audit::AuditLog, freezes: &aiops::freeze::Freezes) {
/// let authorized = aiops::authorize::by_rule(forbidden, std::time::Duration::ZERO, intent, log, freezes);
/// # }
/// ```
///
/// What a rule allows has:
///
/// ```
/// # fn pass(allowed: aiops::policy::Allowed, intent: aiops::audit::Record, log: &aiops::audit::AuditLog, freezes: &aiops::freeze::Freezes) {
/// let authorized = aiops::authorize::by_rule(allowed, std::time::Duration::ZERO, intent, log, freezes);
/// # }
/// ```
#[derive(Debug)]
pub struct Authorized {
    case: Case,
    limit: Duration,
    intent: Receipt,
}

/// What a human approved, or granted in advance, and today's policy does not forbid.
#[derive(Debug)]
pub struct Confirmed {
    case: Case,
}

/// Why something was not authorized. Nothing ran.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its target is frozen; its intent was not offered to the log.
    #[error(transparent)]
    Frozen(#[from] Frozen),
    /// Its intent could not be recorded.
    #[error(transparent)]
    Log(#[from] audit::Error),
}

/// Authorizes what rules allow: the `intent` is recorded first.
pub fn by_rule(
    allowed: Allowed,
    limit: Duration,
    intent: Record,
    log: &AuditLog,
    freezes: &Freezes,
) -> Result<Authorized, Error> {
    look_then_authorize(allowed.into_case(), limit, intent, log, freezes)
}

/// Judges an approved request by today's policy.
pub fn confirm(
    approved: Approved,
    target: Target,
    policy: &Policy,
) -> Result<Confirmed, Box<Forbidden>> {
    let case = match policy.judge(approved.into_request(), target) {
        Judged::Allowed(allowed) => allowed.into_case(),
        Judged::NeedsApproval(needs) => needs.into_case(),
        Judged::Forbidden(forbidden) => return Err(Box::new(forbidden)),
    };
    Ok(Confirmed { case })
}

/// Takes a use of a grant: its request was judged by today's policy a moment ago, or it would not
/// need one.
pub fn confirm_grant(granted: Granted) -> Confirmed {
    Confirmed {
        case: granted.into_case(),
    }
}

/// Authorizes what a human approved: the `intent` is recorded first.
pub fn by_human(
    confirmed: Confirmed,
    limit: Duration,
    intent: Record,
    log: &AuditLog,
    freezes: &Freezes,
) -> Result<Authorized, Error> {
    look_then_authorize(confirmed.case, limit, intent, log, freezes)
}

fn look_then_authorize(
    case: Case,
    limit: Duration,
    intent: Record,
    log: &AuditLog,
    freezes: &Freezes,
) -> Result<Authorized, Error> {
    let clear = freezes.clear(case.target().name())?;
    Ok(record_then_authorize(case, limit, clear, intent, log)?)
}

/// The one place where an `Authorized` is made. The second look, after this one, is the brake of
/// the run itself.
fn record_then_authorize(
    case: Case,
    limit: Duration,
    _clear: Clear,
    intent: Record,
    log: &AuditLog,
) -> Result<Authorized, audit::Error> {
    let intent = log.append(intent)?;
    Ok(Authorized {
        case,
        limit,
        intent,
    })
}

impl Confirmed {
    /// What was judged again.
    pub fn case(&self) -> &Case {
        &self.case
    }
}

impl Authorized {
    /// What runs where.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// How long it may run.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The number of its intent in the log.
    pub fn intent(&self) -> u64 {
        self.intent.seq()
    }
}
