//! An answer after its commit: its content comes, and ends in one way or another.

use crate::book::Page;
use crate::oracle::Got;
use crate::planted::Planted;
use crate::provider::errors::ErrorRow;
use crate::provider::{End, Served};
use crate::time::of_ms;
use crate::visit::{Cause, Ending};
use crate::world::View;
use attempt::classify::{self, Signal};
use attempt::{Blame, Class, Held, Verdict, World};
use fault::Kind;

/// What a provider answered.
pub(crate) enum Reply {
    /// Content.
    Good(Content),
    /// An error, as it is.
    Error,
}

/// Content that comes.
pub(crate) struct Content {
    pub(crate) page: Page,
    pub(crate) served: Served,
    pub(crate) gap_ns: u64,
    pub(crate) committed_ns: u64,
}

/// How content will end.
struct Close {
    at_ns: u64,
    ending: Ending,
    class: Class,
    blame: Blame,
}

/// Follows an answer to its end, and tells the engine. Dropped before that: the caller left.
pub(crate) async fn follow(content: Content, held: Held, view: &View<'_>) -> Got {
    let close = close(&content, view);
    let counting = Counting { content: &content, view };
    view.sleep_until(close.at_ns).await;
    drop(counting);
    let page = content.page;
    if let Ending::Failed(cause) = close.ending {
        view.fleet.oracle.judged(view.now(), cause, close.class.name(), close.blame.name());
    }
    page.judged(close.class.name());
    let index = page.index;
    page.end(close.ending);
    let verdict = Verdict { class: close.class, blame: close.blame, pause_ns: None };
    let now_ns = view.now();
    if view.fleet.plants(Planted::HeldForEver) {
        view.fleet.hoard.borrow_mut().push(held);
    } else {
        held.end(verdict, now_ns, &mut |n| view.draw(n), &mut |key, transition| view.changed(key, transition));
    }
    let is_whole = close.ending == Ending::Whole || view.fleet.plants(Planted::FalseEnd);
    if is_whole { Got::Whole(index) } else { Got::Part(index) }
}

/// Writes down how many tokens came, also where the caller leaves in between.
struct Counting<'a> {
    content: &'a Content,
    view: &'a View<'a>,
}

impl Drop for Counting<'_> {
    fn drop(&mut self) {
        let Content { page, served, gap_ns, committed_ns, .. } = self.content;
        let passed = self.view.fleet.now().saturating_sub(*committed_ns);
        let sent = if self.view.streamed && *gap_ns > 0 { 1 + passed / gap_ns } else { served.tokens };
        page.sent(sent.min(served.tokens));
    }
}

/// When and how content ends: by itself, or by the first deadline that it misses.
fn close(content: &Content, view: &View<'_>) -> Close {
    let Content { served, committed_ns, .. } = content;
    let idle_ns = if view.streamed { of_ms(view.timeouts.idle_ms) } else { u64::MAX };
    let own_end_ns = committed_ns.saturating_add(served.lasts_ns);
    let fault = |at_ns, cause, kind| {
        let (class, blame) = classify::of_fault(kind);
        Close { at_ns, ending: Ending::Failed(cause), class, blame }
    };
    let own = match served.end {
        End::Whole => Close { at_ns: own_end_ns, ending: Ending::Whole, class: Class::Good, blame: Blame::Nobody },
        End::Cut => fault(own_end_ns, Cause::Cut, Kind::StreamCut),
        End::Error(row) => error(own_end_ns, row, content, view),
        End::Silence => fault(own_end_ns.saturating_add(idle_ns), Cause::Silent, Kind::IdleTimeout),
    };
    let stops_at_ns = if served.gap.lasts_ns > idle_ns {
        committed_ns.saturating_add(served.gap.from_ns).saturating_add(idle_ns)
    } else {
        u64::MAX
    };
    let earliest = own.at_ns.min(stops_at_ns).min(view.total_by_ns);
    if earliest == own.at_ns {
        own
    } else if earliest == stops_at_ns {
        fault(stops_at_ns, Cause::Silent, Kind::IdleTimeout)
    } else {
        fault(view.total_by_ns, Cause::NoTimeLeft, Kind::TotalTimeout)
    }
}

fn error(at_ns: u64, row: &'static ErrorRow, content: &Content, view: &View<'_>) -> Close {
    let provider = view.kind_of(content.page.provider());
    let signal = Signal { provider, status: 200, code: row.code, kind: row.kind, message: row.message };
    let (class, blame) = classify::of_stream_error(&signal);
    Close { at_ns, ending: Ending::Failed(row.cause), class, blame }
}
