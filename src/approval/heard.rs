//! Whether an answer, together with those before it, is enough.
//!
//! **Reads** the answers that lie beside a request; who belongs to which group, and whose phone is
//! enrolled since when.
//! **Gives** the answer with those before it, or why it does not count, or not yet.
//! **Never** counts who approves no more.

use super::Answer;
use super::Approvals;
use super::Error;
use super::Refused;
use super::Ticket;
use super::Via;
use super::store;
use crate::assurance::Assurance;
use crate::assurance::Missing;
use crate::assurance::Voice;
use crate::caller;

impl Approvals {
    /// The answer together with those before it, where they are enough. One that counts and is not
    /// enough is kept beside the request.
    pub(super) fn heard(&self, ticket: &Ticket, answer: Answer) -> Result<Answer, Refused> {
        let others = self.voices(ticket, &answer.by)?;
        let again = others.1;
        let missing = match self.met(ticket, &others.0, &answer) {
            Ok(_) => return Ok(answer.behind(&others.0)),
            Err(missing) => missing,
        };
        if answer.level() < Assurance::OutOfBand {
            return Err(self.too_weak(ticket, &answer));
        }
        if again.is_some_and(|before| before >= answer.level()) {
            return Err(Refused::Again(missing));
        }
        store::keep_voice(&self.dir, &ticket.id, &answer)?;
        // Somebody else's may have come meanwhile; then either sees both, and one of them wins.
        let others = self.voices(ticket, &answer.by)?;
        match self.met(ticket, &others.0, &answer) {
            Ok(_) => Ok(answer.behind(&others.0)),
            Err(missing) => Err(Refused::NotYet(missing)),
        }
    }

    /// Why an answer that is worth less than another person's does not count, in the words that
    /// help most.
    fn too_weak(&self, ticket: &Ticket, answer: &Answer) -> Refused {
        let person = answer.by.clone();
        let asker = ticket.asker();
        let asked = person == asker.name
            || asker.disputed == Some(person.as_str())
            || answer.factor.is_none() && answer.uid == asker.uid;
        let came_as_a_person = answer.via == Via::Command || answer.factor.is_some();
        if came_as_a_person && asked {
            Refused::OwnRequest(person)
        } else if answer.via == Via::Command && answer.factor.is_none() {
            let group = self.trust.group.clone();
            Refused::NoApprover { person, group }
        } else {
            Refused::TooWeak(ticket.demand.level)
        }
    }

    /// What others said before, as far as it counts today, and what this person did.
    fn voices(
        &self,
        ticket: &Ticket,
        person: &str,
    ) -> Result<(Vec<Answer>, Option<Assurance>), Error> {
        let mut voices = store::voices(&self.dir, &ticket.id, self.limits.file_bytes)?;
        let own = voices
            .iter()
            .find(|voice| voice.by == person)
            .map(Answer::level);
        // Who has left the group meanwhile is an approver no more, nor is whose phone was taken out
        // or gave way to another: what the old one said may have been said by its finder.
        voices.retain(|voice| {
            let in_group = !voice.as_member || caller::is_member(&voice.by, &self.trust.group);
            let enrolled = |since| since <= voice.at;
            let by_phone =
                voice.factor.is_none() || self.factors.enrolled(&voice.by).is_some_and(enrolled);
            voice.by != person && in_group && by_phone
        });
        Ok((voices, own))
    }

    fn met(
        &self,
        ticket: &Ticket,
        others: &[Answer],
        answer: &Answer,
    ) -> Result<Assurance, Missing> {
        let voices: Vec<Voice<'_>> = others.iter().chain([answer]).map(Answer::voice).collect();
        ticket.demand.met_by(&voices, &caller::is_member)
    }
}
