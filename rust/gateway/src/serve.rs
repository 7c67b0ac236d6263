//! The path of a call: the stages in order.

use crate::body::Body;
use crate::call::{Call, Lost, Named, Spelling, Upload};
use crate::judge;
use crate::local::Local;
use crate::reply::{self, Answered};
use crate::resume;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::within;
use admission::Caller;
use fault::{Fault, Kind};
use http1::RequestHead;
use listener::{Incoming, Reply, Work};
use plan::Scope;
use protocol::openai::paths::{self, Endpoint, Lookup};
use protocol::peek::Scanner;
use protocol::scan::User;
use record::{Book, Lines, Meters, Record, RequestIds, Stage, Wheel};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use upstream::Pools;

/// What one worker answers calls with.
#[derive(Debug)]
pub(crate) struct Server {
    /// Itself, for what outlives a call's first byte.
    pub(crate) me: Weak<Self>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) pools: Pools,
    pub(crate) wheel: Rc<Wheel>,
    pub(crate) lines: Rc<Lines>,
    pub(crate) ids: RequestIds,
    pub(crate) local: Rc<Local>,
    pub(crate) snapshot: RefCell<Rc<Snapshot>>,
    /// Where its calls are written down.
    pub(crate) book: Option<Rc<Book>>,
}

impl listener::Service for Server {
    type Body = Body;

    async fn call(&self, mut incoming: Incoming) -> Reply<Body> {
        let snapshot = self.snapshot();
        let mut record = self.open();
        let page = snapshot.compiled.admission.origins().listed(&incoming.head).map(<[u8]>::to_vec);
        let mut reply = match self.answer(&snapshot, &mut incoming, &mut record).await {
            Ok(answered) => answered.reply(record, &self.local),
            Err(lost) => reply::refuse(&lost, record),
        };
        if let Some(origin) = page {
            reply::allow_origin(&mut reply, &origin);
        }
        reply
    }

    fn refuse(&self, fault: Fault) -> Reply<Body> {
        reply::refuse(&fault.into(), self.open())
    }

    fn begins(&self, _work: Work) {
        self.meters.stages.begin(|| self.wheel.now());
    }

    fn ended(&self, work: Work) {
        self.meters.stages.end((work == Work::Write).then_some(Stage::Write), || self.wheel.now());
    }
}

impl Server {
    /// The stages, from a head to the first byte of an answer.
    async fn answer(
        &self,
        snapshot: &Rc<Snapshot>,
        incoming: &mut Incoming,
        record: &mut Record,
    ) -> Result<Answered, Lost> {
        let plan = &snapshot.compiled.plan;
        if incoming.head.method() == b"OPTIONS" {
            return Ok(reply::options(&incoming.head)?);
        }
        self.has_room(&plan.http)?;
        let caller =
            snapshot.compiled.admission.admit(&incoming.head, incoming.peer.address.is_none(), judge::unix_ms)?;
        let key = match caller {
            Caller::Anyone => None,
            Caller::Key(index) => {
                record.called_by(Rc::clone(&snapshot.keys[index]));
                Some(&plan.keys[index])
            }
        };
        let scope = key.map_or(Scope::Everything, Scope::of);
        record.mark(Stage::Admission);
        if (snapshot.compiled.resumes || self.shared.streams.count() > 0)
            && let Some(asked) = resume::asked(&incoming.head)
        {
            return Box::pin(self.take_up(snapshot, incoming, (asked, key), record)).await;
        }
        let endpoint = find(&incoming.head)?;
        if let Some(answered) = reply::own(endpoint, &incoming.head, plan, scope) {
            return Ok(answered?);
        }
        let Incoming { head, body, length, has_body, .. } = incoming;
        let within_ms = within::within_ms(head)?;
        let call = Call { server: self, snapshot, endpoint, head, caller, within_ms };
        let Some(mut scanner) = Scanner::new(endpoint.model, head.headers.get("content-type"))? else {
            passthrough_allowed(key)?;
            call.identify(&User::None, record)?;
            return call.pass(Upload { body, length: *length, has_body: *has_body }, record).await;
        };
        let spelling = if matches!(scanner, Scanner::Form(_)) { Spelling::Plain } else { Spelling::Json };
        if snapshot.compiled.wants_user {
            scanner.keep_user();
        }
        let mut held = self.hold(&plan.http, *length)?;
        let pieces = call.read(body, *length, &mut scanner, record).await?;
        held.set(pieces.iter().map(|piece| piece.len() as u64).sum());
        let fields = scanner.fields()?;
        record.mark(Stage::Read);
        call.identify(&fields.user, record)?;
        if fields.model.is_none() && endpoint.model_optional && plan.passthrough.is_some() {
            passthrough_allowed(key)?;
            return call.pass_pieces(&pieces, record).await;
        }
        call.route(&Named { peek: fields.into_peek()?, spelling, pieces }, scope, record).await
    }

    /// What calls are served by now.
    pub(crate) fn snapshot(&self) -> Rc<Snapshot> {
        let epoch = self.shared.epoch();
        let mut snapshot = self.snapshot.borrow_mut();
        if snapshot.epoch != epoch {
            let compiled = self.shared.compiled();
            let endpoints: HashSet<_> = compiled
                .plan
                .providers
                .iter()
                .flat_map(|provider| &provider.endpoints)
                .map(|endpoint| &*endpoint.id)
                .collect();
            self.pools.retain(|id| endpoints.contains(id));
            self.lines.want(crate::worker::wants(&compiled.plan));
            *snapshot = Rc::new(Snapshot::new(compiled, epoch, Arc::clone(&self.meters), &self.shared.targets));
            self.shared.targets.prune();
        }
        Rc::clone(&snapshot)
    }

    fn open(&self) -> Record {
        Record::open(self.ids.next(), Arc::clone(&self.meters), Rc::clone(&self.lines), Rc::clone(&self.wheel))
    }
}

fn find(head: &RequestHead) -> Result<&'static Endpoint, Fault> {
    match paths::find(head.method(), head.path()) {
        Lookup::Found(endpoint) => Ok(endpoint),
        Lookup::WrongMethod { allow } => {
            Err(Fault::new(Kind::MethodNotAllowed, format!("This path does not have that method; it has {allow}"))
                .allowing(allow))
        }
        Lookup::Unknown => Err(Fault::new(Kind::UnknownPath, paths::why_unknown(head.path()))),
    }
}

fn passthrough_allowed(key: Option<&plan::Key>) -> Result<(), Fault> {
    if key.is_none_or(|key| key.passthrough) {
        return Ok(());
    }
    Err(Fault::new(
        Kind::PassthroughForbidden,
        "This key may not make calls that name no model: its entry in the policy must say `passthrough: true`",
    ))
}
