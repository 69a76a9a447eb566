//! The gate: the only maker of [`Authorized`].
//!
//! **Reads** nothing itself; the log is handed in.
//! **Gives** [`Authorized`].
//! **Never** lets anything pass whose intent is not on disk.

use std::time::Duration;

use crate::approval::Grant;
use crate::audit;
use crate::audit::AuditLog;
use crate::audit::Receipt;
use crate::audit::Record;
use crate::policy::Allowed;
use crate::policy::Forbidden;
use crate::policy::Judged;
use crate::policy::NeedsApproval;
use crate::policy::Policy;
use crate::policy::Verdict;
use crate::request::Request;
use crate::target::Target;

/// The right to run one request on one target once. It exists only if its intent is on disk.
///
/// It can be made nowhere but here, and it cannot be doubled:
///
/// ```compile_fail,E0451
/// # fn forge(request: aiops::request::Request, target: aiops::target::Target) {
/// let forged = aiops::authorize::Authorized { request, target };
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
/// # fn force(forbidden: aiops::policy::Forbidden, intent: aiops::audit::Record, log: &aiops::audit::AuditLog) {
/// let authorized = aiops::authorize::by_rule(forbidden, std::time::Duration::ZERO, intent, log);
/// # }
/// ```
///
/// What a rule allows has:
///
/// ```
/// # fn pass(allowed: aiops::policy::Allowed, intent: aiops::audit::Record, log: &aiops::audit::AuditLog) {
/// let authorized = aiops::authorize::by_rule(allowed, std::time::Duration::ZERO, intent, log);
/// # }
/// ```
#[derive(Debug)]
pub struct Authorized {
    request: Request,
    target: Target,
    verdict: Verdict,
    limit: Duration,
    intent: Receipt,
}

/// A grant that today's policy does not forbid.
#[derive(Debug)]
pub struct Confirmed {
    request: Request,
    target: Target,
    verdict: Verdict,
}

/// Authorizes what rules allow: the `intent` is recorded first.
pub fn by_rule(
    allowed: Allowed,
    limit: Duration,
    intent: Record,
    log: &AuditLog,
) -> Result<Authorized, audit::Error> {
    let (request, target, verdict) = allowed.into_parts();
    let intent = log.append(intent)?;
    Ok(Authorized {
        request,
        target,
        verdict,
        limit,
        intent,
    })
}

/// Judges the request of a grant by today's policy.
pub fn confirm(grant: Grant, target: Target, policy: &Policy) -> Result<Confirmed, Box<Forbidden>> {
    let request = grant.into_request();
    let (request, target, verdict) = match policy.judge(request, target) {
        Judged::Allowed(allowed) => allowed.into_parts(),
        Judged::NeedsApproval(needs) => NeedsApproval::into_parts(needs),
        Judged::Forbidden(forbidden) => return Err(Box::new(forbidden)),
    };
    Ok(Confirmed {
        request,
        target,
        verdict,
    })
}

/// Authorizes what a human approved: the `intent` is recorded first.
pub fn by_grant(
    confirmed: Confirmed,
    limit: Duration,
    intent: Record,
    log: &AuditLog,
) -> Result<Authorized, audit::Error> {
    let Confirmed {
        request,
        target,
        verdict,
    } = confirmed;
    let intent = log.append(intent)?;
    Ok(Authorized {
        request,
        target,
        verdict,
        limit,
        intent,
    })
}

impl Confirmed {
    /// What was approved.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What today's policy says of it.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

impl Authorized {
    /// What runs.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Where it runs.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What the policy said.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
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
