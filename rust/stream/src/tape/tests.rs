use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread;

const WIDE: Keeping = Keeping { whole: 1000, last: 0, ahead: 1000, pace: Pace::Slowest };

type Made = (Tape<&'static str>, Writer<&'static str>, Arc<Stock>);

fn tape(keeping: Keeping) -> Made {
    let stock = Arc::default();
    let (tape, writer) = Tape::new(keeping, Arc::clone(&stock));
    (tape, writer, stock)
}

fn polled<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

/// What a reader has to read now, and whether there was an end behind it.
fn read<H>(reader: &mut Reader<H>) -> (String, Option<End>) {
    let mut text = String::new();
    loop {
        match polled(|cx| reader.poll_next(cx)) {
            Poll::Ready(Read::Piece(piece, _)) => text += std::str::from_utf8(&piece).unwrap(),
            Poll::Ready(Read::End(end)) => return (text, Some(end)),
            Poll::Ready(Read::Outrun) => return (text + "<outrun>", None),
            Poll::Pending => return (text, None),
        }
    }
}

fn room<H>(writer: &Writer<H>) -> bool {
    polled(|cx| writer.poll_room(cx)).is_ready()
}

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    fn rings(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn each_reader_has_the_head_all_pieces_and_the_end_whenever_it_comes() {
    let (tape, writer, _) = tape(WIDE);
    let mut early = tape.join().unwrap();
    assert!(polled(|cx| early.poll_head(cx)).is_pending());
    writer.begin("head");
    let Poll::Ready(Some(head)) = polled(|cx| early.poll_head(cx)) else { panic!("no head") };
    assert_eq!(*head, "head");
    writer.push("a".into(), 1, true);
    assert_eq!(read(&mut early).0, "a");
    let mut late = tape.join().unwrap();
    writer.push("b".into(), 2, true);
    writer.end(End::Whole);
    assert!(matches!(read(&mut early), (text, Some(End::Whole)) if text == "b"));
    assert!(matches!(read(&mut late), (text, Some(End::Whole)) if text == "ab"));
    assert!(tape.join().is_none(), "what has ended is not shared any more");
    assert!(tape.after(1).is_ok(), "and can be taken up again");
}

#[test]
fn a_writer_that_vanishes_leaves_a_cut_and_no_head() {
    let (tape, writer, _) = tape(WIDE);
    let mut reader = tape.join().unwrap();
    drop(writer);
    assert!(matches!(polled(|cx| reader.poll_head(cx)), Poll::Ready(None)));
    assert!(matches!(read(&mut reader).1, Some(End::Cut(fault)) if fault.kind() == Kind::Internal));
}

#[test]
fn what_is_longer_than_may_be_held_whole_is_held_as_far_as_it_is_unread() {
    let (tape, writer, stock) = tape(Keeping { whole: 10, last: 0, ahead: 10, pace: Pace::Slowest });
    let (mut fast, mut slow) = (tape.join().unwrap(), tape.join().unwrap());
    writer.push("0123456789".into(), 0, true);
    assert_eq!(read(&mut fast).0, "0123456789");
    assert!(!room(&writer), "the slow one holds it up");
    assert!(tape.join().is_some(), "all of it is there");
    assert_eq!(read(&mut slow).0, "0123456789");
    assert!(room(&writer));
    writer.push("x".into(), 0, true);
    assert!(tape.join().is_none(), "its beginning has been read by all and fell off");
    assert_eq!((read(&mut fast).0, read(&mut slow).0, stock.bytes()), ("x".to_owned(), "x".to_owned(), 0));
}

#[test]
fn a_stream_is_taken_up_behind_the_event_that_the_reader_names() {
    let (tape, writer, _) = tape(Keeping { whole: 0, last: 2, ahead: 10, pace: Pace::Latest });
    assert_eq!(tape.after(1).unwrap_err(), Missed::NotYet);
    for (number, text) in (1..).zip(["a", "b", "c", "d"]) {
        writer.push(text.into(), number, true);
    }
    writer.push(":".into(), 4, true);
    assert_eq!(tape.after(2).unwrap_err(), Missed::FallenOff);
    assert_eq!(tape.after(0).unwrap_err(), Missed::FallenOff);
    assert_eq!(read(&mut tape.after(3).unwrap()).0, "d:");
    assert_eq!(read(&mut tape.after(4).unwrap()).0, "");
    assert_eq!(tape.after(5).unwrap_err(), Missed::NotYet);
}

#[test]
fn who_is_overtaken_by_what_falls_off_is_told() {
    let (tape, writer, _) = tape(Keeping { whole: 0, last: 1, ahead: 100, pace: Pace::Latest });
    let (mut dead, mut alive) = (tape.join().unwrap(), tape.join().unwrap());
    for text in ["a", "b", "c"] {
        writer.push(text.into(), 0, true);
        assert_eq!(read(&mut alive).0, text);
    }
    assert!(room(&writer), "who came last sets the pace");
    assert_eq!(read(&mut dead).0, "<outrun>");
}

#[test]
fn where_there_is_no_room_only_what_is_unread_is_held() {
    let (tape, writer, stock) = tape(Keeping { whole: 100, last: 100, ahead: 100, pace: Pace::Latest });
    let mut reader = tape.join().unwrap();
    writer.push("aaaa".into(), 1, true);
    assert_eq!((read(&mut reader).0.len(), stock.bytes()), (4, 4));
    writer.push("bb".into(), 2, false);
    assert_eq!(stock.bytes(), 2);
    assert_eq!((read(&mut reader).0.len(), stock.bytes()), (2, 0));
    assert_eq!(tape.after(1).unwrap_err(), Missed::FallenOff);
    assert!(tape.after(2).is_ok());
}

#[test]
fn the_stock_counts_what_is_held_until_nobody_holds_it() {
    let (tape, writer, stock) = tape(WIDE);
    writer.push("abc".into(), 0, true);
    writer.end(End::Whole);
    assert_eq!(stock.bytes(), 3);
    drop(tape);
    assert_eq!(stock.bytes(), 0);
}

#[test]
fn whom_a_change_concerns_is_woken_once() {
    let (tape, writer, _) = tape(Keeping { whole: 0, last: 0, ahead: 1, pace: Pace::Slowest });
    let (bells, wakers): (Vec<_>, Vec<_>) = (0..2)
        .map(|_| {
            let bell = Arc::new(Bell::default());
            (Arc::clone(&bell), Waker::from(bell))
        })
        .unzip();
    let (mut reading, mut writing) = (Context::from_waker(&wakers[0]), Context::from_waker(&wakers[1]));
    assert!(writer.poll_room(&mut writing).is_ready(), "nobody reads");
    let mut reader = tape.join().unwrap();
    assert_eq!(bells[1].rings(), 1, "a first reader has come");
    assert!(reader.poll_head(&mut reading).is_pending() && reader.poll_next(&mut reading).is_pending());
    writer.begin("head");
    assert_eq!(bells[0].rings(), 1);
    assert!(reader.poll_next(&mut reading).is_pending());
    writer.push("a".into(), 0, true);
    assert_eq!(bells[0].rings(), 1);
    assert!(writer.poll_room(&mut writing).is_pending());
    assert!(reader.poll_next(&mut reading).is_ready());
    assert_eq!(bells[1].rings(), 1, "there is room again");
    assert!(reader.poll_next(&mut reading).is_pending());
    assert!(writer.poll_room(&mut writing).is_ready());
    drop(reader);
    assert_eq!(bells[1].rings(), 1, "the last reader has left");
}

#[test]
fn readers_on_other_threads_have_each_byte_in_order() {
    let (tape, writer, stock) = tape(Keeping { whole: 0, last: 0, ahead: 64, pace: Pace::Slowest });
    let readers: Vec<_> = (0..3).map(|_| tape.join().unwrap()).collect();
    drop(tape);
    thread::scope(|scope| {
        let read: Vec<_> = readers
            .into_iter()
            .map(|mut reader| {
                scope.spawn(move || {
                    let (mut bytes, waker) = (vec![], Waker::from(Arc::new(Unpark(thread::current()))));
                    loop {
                        match reader.poll_next(&mut Context::from_waker(&waker)) {
                            Poll::Ready(Read::Piece(piece, _)) => bytes.extend_from_slice(&piece),
                            Poll::Ready(next) => return (bytes, matches!(next, Read::End(End::Whole))),
                            Poll::Pending => thread::park(),
                        }
                    }
                })
            })
            .collect();
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut sent = vec![];
        for number in 0..20_000_u32 {
            while writer.poll_room(&mut Context::from_waker(&waker)).is_pending() {
                thread::park();
            }
            sent.extend_from_slice(&number.to_le_bytes());
            writer.push(Bytes::copy_from_slice(&number.to_le_bytes()), 0, true);
        }
        writer.end(End::Whole);
        for reader in read {
            assert!(reader.join().unwrap() == (sent.clone(), true));
        }
    });
    assert_eq!(stock.bytes(), 0);
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What happens to a tape. Numbers choose among those that are there.
#[derive(Debug, Clone)]
enum Act {
    /// Writes a piece of so many bytes, with so many events, if there is room for one.
    Write(usize, u64, bool),
    Read(usize),
    Join,
    After(u64),
    Leave(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (1..9_usize, 0..3_u64, prop::bool::weighted(0.9)).prop_map(|(a, b, c)| Act::Write(a, b, c)),
        6 => (0..4_usize).prop_map(Act::Read),
        1 => Just(Act::Join),
        1 => (0..20_u64).prop_map(Act::After),
        1 => (0..4_usize).prop_map(Act::Leave),
    ]
}

/// A reader, and how far it has read.
struct Follower(Reader<()>, usize);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn any_interleaving_gives_each_reader_exactly_the_bytes_from_where_it_began(
        acts in prop::collection::vec(act(), 1..60),
        whole in 0..30_usize,
        last in 0..20_usize,
        ahead in 1..20_usize,
        latest in any::<bool>(),
    ) {
        let pace = if latest { Pace::Latest } else { Pace::Slowest };
        let stock = Arc::default();
        let (tape, writer) = Tape::new(Keeping { whole, last, ahead, pace }, Arc::clone(&stock));
        writer.begin(());
        // The whole answer; of each piece, where it begins and how many events have come with it.
        let (mut answer, mut pieces, mut events) = (Vec::<u8>::new(), Vec::<(usize, u64)>::new(), 0);
        let mut readers: Vec<Follower> = vec![];
        for act in acts {
            match act {
                Act::Write(length, more, keeps) => {
                    let mut lag = readers.iter().map(|reader| answer.len() - reader.1);
                    let lag = if latest { lag.next_back() } else { lag.max() };
                    let free = room(&writer);
                    prop_assert_eq!(free, lag.is_none_or(|lag| lag < ahead), "held up by whom it waits for alone");
                    if free {
                        events += more;
                        pieces.push((answer.len(), events));
                        let piece: Vec<u8> = (answer.len()..answer.len() + length).map(|at| at.to_le_bytes()[0]).collect();
                        answer.extend_from_slice(&piece);
                        writer.push(piece.into(), events, keeps);
                    }
                }
                Act::Read(which) => {
                    let Some(Follower(reader, at)) = readers.get_mut(which) else { continue };
                    match polled(|cx| reader.poll_next(cx)) {
                        Poll::Ready(Read::Piece(piece, _)) => {
                            prop_assert_eq!(&piece[..], &answer[*at..*at + piece.len()]);
                            *at += piece.len();
                        }
                        Poll::Ready(Read::Outrun) => {
                            prop_assert!(latest, "nobody else is overtaken");
                            readers.remove(which);
                        }
                        Poll::Ready(Read::End(_)) => prop_assert!(false, "it has not ended"),
                        Poll::Pending => prop_assert_eq!(*at, answer.len()),
                    }
                }
                Act::Join => match tape.join() {
                    Some(reader) => readers.push(Follower(reader, 0)),
                    None => prop_assert!(answer.len() > whole || stock.bytes() < answer.len() as u64),
                },
                Act::After(number) => match tape.after(number) {
                    Ok(reader) => {
                        let is_next = |piece: &&(usize, u64)| number == 0 || piece.1 > number;
                        let at = pieces.iter().find(is_next).map_or(answer.len(), |piece| piece.0);
                        readers.push(Follower(reader, at));
                    }
                    Err(Missed::NotYet) => prop_assert!(number > events),
                    Err(Missed::FallenOff) => prop_assert!(stock.bytes() < answer.len() as u64),
                },
                Act::Leave(which) => {
                    if which < readers.len() {
                        readers.remove(which);
                    }
                }
            }
            prop_assert!(stock.bytes() <= (whole.max(last).max(ahead) + 8) as u64, "bounded");
        }
        writer.end(End::Whole);
        for Follower(mut reader, mut at) in readers {
            loop {
                match polled(|cx| reader.poll_next(cx)) {
                    Poll::Ready(Read::Piece(piece, _)) => {
                        prop_assert_eq!(&piece[..], &answer[at..at + piece.len()]);
                        at += piece.len();
                    }
                    Poll::Ready(Read::Outrun) => {
                        prop_assert!(latest);
                        break;
                    }
                    Poll::Ready(Read::End(_)) => {
                        prop_assert_eq!(at, answer.len());
                        break;
                    }
                    Poll::Pending => prop_assert!(false, "it has ended"),
                }
            }
        }
        drop(tape);
        prop_assert_eq!(stock.bytes(), 0, "nothing is left");
    }
}
