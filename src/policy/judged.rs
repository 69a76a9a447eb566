//! A request with its verdict, as one of three types: only two of them have a way on.
//!
//! **Reads** nothing.
//! **Gives** [`Judged`], [`Allowed`], [`NeedsApproval`], [`Forbidden`], [`Case`].
//! **Never** is made anywhere but by `Policy::judge`.

use super::Decision;
use super::Policy;
use super::Verdict;
use crate::request::Request;
use crate::target::Target;

/// What was judged and how: one request on one target, with its verdict. Kept together from the
/// judgement to the end of the run.
#[derive(Debug)]
pub struct Case {
    request: Request,
    target: Target,
    verdict: Verdict,
}

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
pub struct Allowed(Case);

/// A request that needs a human.
#[derive(Debug)]
pub struct NeedsApproval(Case);

/// A request that may not run.
#[derive(Debug)]
pub struct Forbidden(Case);

impl Policy {
    /// Judges a request, and keeps request, target and verdict together from then on.
    pub fn judge(&self, request: Request, target: Target) -> Judged {
        let verdict = self.verdict(request.script(), target.scope());
        let decision = verdict.decision();
        let case = Case {
            request,
            target,
            verdict,
        };
        match decision {
            Decision::Allow => Judged::Allowed(Allowed(case)),
            Decision::RequireApproval => Judged::NeedsApproval(NeedsApproval(case)),
            Decision::Forbid => Judged::Forbidden(Forbidden(case)),
        }
    }
}

impl Case {
    /// What was asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Where it would run.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What the policy says of it.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

impl Allowed {
    /// What was judged.
    pub fn case(&self) -> &Case {
        &self.0
    }

    pub(crate) fn into_case(self) -> Case {
        self.0
    }
}

impl NeedsApproval {
    /// What was judged.
    pub fn case(&self) -> &Case {
        &self.0
    }

    pub(crate) fn into_case(self) -> Case {
        self.0
    }
}

impl Forbidden {
    /// What was judged. There is no way to take it out: nothing takes what is forbidden.
    pub fn case(&self) -> &Case {
        &self.0
    }
}
