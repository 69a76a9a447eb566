//! A request with its verdict, as one of three types: only two of them have a way on.
//!
//! **Reads** nothing.
//! **Gives** [`Judged`], [`Allowed`], [`NeedsApproval`], [`Forbidden`].
//! **Never** is made anywhere but by `Policy::judge`.

use super::Decision;
use super::Policy;
use super::Verdict;
use crate::request::Request;
use crate::target::Target;

/// What the policy says of one request on one target.
#[derive(Debug)]
pub enum Judged {
    /// It may run by itself.
    Allowed(Allowed),
    /// A human has to decide.
    NeedsApproval(NeedsApproval),
    /// It may not run, whoever approves.
    Forbidden(Forbidden),
}

/// A request that rules allow.
#[derive(Debug)]
pub struct Allowed {
    request: Request,
    target: Target,
    verdict: Verdict,
}

/// A request that needs a human.
#[derive(Debug)]
pub struct NeedsApproval {
    request: Request,
    target: Target,
    verdict: Verdict,
}

/// A request that may not run.
#[derive(Debug)]
pub struct Forbidden {
    verdict: Verdict,
}

impl Policy {
    /// Judges a request, and keeps request, target and verdict together from then on.
    pub fn judge(&self, request: Request, target: Target) -> Judged {
        let verdict = self.verdict(request.script());
        match verdict.decision() {
            Decision::Allow => Judged::Allowed(Allowed {
                request,
                target,
                verdict,
            }),
            Decision::RequireApproval => Judged::NeedsApproval(NeedsApproval {
                request,
                target,
                verdict,
            }),
            Decision::Forbid => Judged::Forbidden(Forbidden { verdict }),
        }
    }
}

impl Allowed {
    /// What was asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Where it would run.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Why it may.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    pub(crate) fn into_parts(self) -> (Request, Target, Verdict) {
        (self.request, self.target, self.verdict)
    }
}

impl NeedsApproval {
    /// What was asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Where it would run.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Why a human is needed.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    pub(crate) fn into_parts(self) -> (Request, Target, Verdict) {
        (self.request, self.target, self.verdict)
    }
}

impl Forbidden {
    /// Why it may not run.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}
