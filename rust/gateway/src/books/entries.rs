//! Calls and attempts as they are written down, and what becomes of those that the journal has no room for.

use crate::call::Lost;
use crate::exchange::Exchange;
use crate::serve::Server;
use crate::snapshot::Snapshot;
use crate::tariff::Tariff;
use attempt::Attempt;
use fault::{Fault, Kind};
use journal::{Sent, TagList};
use plan::WhenFull;
use record::{Identified, Identity, Record};
use std::rc::Rc;
use std::sync::atomic::Ordering;

const SECOND_NS: u64 = 1_000_000_000;

/// What the journal is to know of a call besides its route and who is behind it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Opening<'a> {
    /// Of the caller's key.
    pub(crate) team: Option<&'a str>,
    /// The name that the caller asks for.
    pub(crate) model: &'a str,
    /// Whether a budget that must hold counts on it.
    pub(crate) is_budgeted: bool,
}

impl Server {
    /// Opens a call in the journal, where there is one.
    pub(crate) fn opens(&self, snapshot: &Snapshot, opening: Opening<'_>, record: &mut Record) -> Result<(), Lost> {
        let Some(book) = &self.book else { return Ok(()) };
        let identified = record.identity().map(Rc::clone);
        let tags = identified.as_ref().map(|known| tag_list(&known.tags)).unwrap_or_default();
        let said = |said: fn(&Identified) -> &Option<Box<str>>| {
            identified.as_ref().and_then(|known| said(known).as_deref()).unwrap_or_default()
        };
        let identity = Identity {
            team: opening.team.unwrap_or_default(),
            user: said(|known| &known.user),
            agent: said(|known| &known.agent),
            session: said(|known| &known.session),
            task: said(|known| &known.task),
            tags: tags.as_tags(),
            model: if record.series().is_some_and(|series| *series.alias == *opening.model) {
                ""
            } else {
                opening.model
            },
        };
        if record.opens(book, snapshot.plan_hash, &identity).is_ok() {
            return Ok(());
        }
        if may_go_unrecorded(snapshot, opening.is_budgeted) {
            self.shared.books.unrecorded[0].fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let pause_ns = Some(SECOND_NS + self.local.draw(2 * SECOND_NS));
        Err(Lost { fault: full(), again: None, pause_ns })
    }
}

fn may_go_unrecorded(snapshot: &Snapshot, is_budgeted: bool) -> bool {
    let section = snapshot.compiled.plan.journal.as_ref();
    match section.map_or(WhenFull::RefuseBudgeted, |section| section.when_full) {
        WhenFull::RefuseBudgeted => !is_budgeted,
        WhenFull::Refuse => false,
        WhenFull::Serve => true,
    }
}

impl Exchange<'_> {
    /// Writes an attempt down before anything of it is sent.
    pub(crate) fn sends(&self, attempt: &Attempt<'_>, tariff: &Tariff) -> Result<(), Fault> {
        if self.call.server.book.is_none() {
            return Ok(());
        }
        let series = self.call.snapshot.attempt_series(attempt.candidate);
        let small = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let sent = Sent {
            call: 0,
            at_ns: attempt.started_ns,
            attempt: u16::try_from(attempt.number).unwrap_or(u16::MAX),
            step: small(attempt.candidate.step),
            endpoint: small(attempt.endpoint),
            credential: small(attempt.credential),
            hedge: attempt.is_hedge,
            input_tokens: tariff.prompt_tokens().max(self.ask.expects.input_tokens),
            output_tokens: self.ask.expects.output_tokens,
            reserved_nano_usd: self.ask.expects.cost.map(|cost| cost.most_nano_usd),
            provider: &series.provider,
            deployment: &series.deployment,
            model: &attempt.candidate.model,
        };
        if self.record.borrow_mut().sends(sent).is_ok() {
            return Ok(());
        }
        if may_go_unrecorded(self.call.snapshot, self.ask.is_budgeted) {
            self.call.server.shared.books.unrecorded[1].fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        Err(full())
    }
}

/// Tags as the journal has them: `team=blue` has a name and a value, `nightly` a name alone.
fn tag_list(tags: &[Box<str>]) -> TagList {
    let mut list = TagList::default();
    for tag in tags {
        let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
        // What finds no room is left out: a call of so many tags is known by the others.
        let _had_room = list.push(name, value);
    }
    list
}

fn full() -> Fault {
    let sentence = "The gateway cannot write down what this call uses, since its disk is full, and serves only calls \
                    that need not be (`journal.when_full`); send the call again later";
    Fault::new(Kind::JournalFull, sentence)
}
