use std::future::Future;
use std::pin::{Pin, pin};

use super::*;
use crate::clock::Clock;
use crate::turn_queues::QueueLimits;

const CLIENT: Asker = Asker::Client { max_waits: 2 };

fn turns(events: usize, bytes: usize) -> Turns {
    let limits = QueueLimits { events, bytes };
    Turns::new(Arc::new(TurnQueues::new(limits, Clock::system())))
}

type Taking<'a> = Pin<Box<dyn Future<Output = Result<TurnGuard<'a>, NoTurn>> + 'a>>;

/// Asks for the turn; polled once.
fn ask(
    turns: &Turns,
    asker: Asker,
    bytes: usize,
) -> (Taking<'_>, Option<Result<TurnGuard<'_>, NoTurn>>) {
    let mut taking: Taking<'_> = Box::pin(async move { take(turns, asker, bytes).await });
    let polled = poll(&mut taking);
    (taking, polled)
}

async fn take(turns: &Turns, asker: Asker, bytes: usize) -> Result<TurnGuard<'_>, NoTurn> {
    match turns.try_take() {
        Some(turn) => Ok(turn),
        None => turns.wait(asker, bytes, "/room").await.map(|(turn, _waited)| turn),
    }
}

fn poll<'a>(taking: &mut Taking<'a>) -> Option<Result<TurnGuard<'a>, NoTurn>> {
    match pin!(taking).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(turn) => Some(turn),
        Poll::Pending => None,
    }
}

fn waits(turns: &Turns) -> (usize, usize) {
    let Waits { events, bytes, .. } = turns.waits();
    assert_eq!((turns.queues.events.get(), turns.queues.bytes.get()), (events, bytes));
    (events, bytes)
}

#[test]
fn turns_are_taken_in_the_order_in_which_they_were_asked_for() {
    let turns = turns(100, 1 << 20);
    let (_, first) = ask(&turns, Asker::Connection, 1);
    let mut holder = first.expect("it is free").expect("nobody is refused");
    let mut all: Vec<_> = (1..5).map(|bytes| ask(&turns, Asker::Connection, bytes)).collect();
    assert!(all.iter().all(|(_, polled)| polled.is_none()));
    assert_eq!(waits(&turns), (4, 10));
    // One of them gives up, and one when the turn is just its own.
    drop(all.remove(1));
    assert_eq!(waits(&turns), (3, 8));
    drop(holder);
    drop(all.remove(0));
    holder = poll(&mut all[0].0).expect("it is its turn").expect("nobody is refused");
    assert!(poll(&mut all[1].0).is_none());
    drop(holder);
    assert!(poll(&mut all[1].0).is_some());
    assert_eq!(waits(&turns), (0, 0));
    assert_eq!(turns.queues.waits.count(), 3);
    drop(all);
    assert!(turns.try_take().is_some());
}

#[test]
fn a_room_over_its_limit_refuses_clients_and_is_not_read_until_half_of_it_is_gone() {
    for (events, bytes, each) in [(4, 1000, 1), (1000, 40, 10)] {
        let turns = turns(events, bytes);
        let mut holder = turns.try_take();
        let mut all = Vec::new();
        for _ in 0..4 {
            assert!(!turns.is_over());
            all.push(ask(&turns, Asker::Connection, each).0);
        }
        assert!(turns.is_over());
        assert_eq!(ask(&turns, CLIENT, 0).1.map(|it| it.err()), Some(Some(NoTurn::Busy)));
        // What was read is never refused.
        all.push(ask(&turns, Asker::Connection, each).0);
        let ticket = turns.begin_unread();
        assert!(!turns.is_readable(ticket, Waker::noop()));
        for left in (0..5).rev() {
            drop(holder.take());
            holder = poll(&mut all.remove(0)).expect("it is its turn").ok();
            assert_eq!(turns.waits().events, left);
            assert_eq!(turns.is_over(), left > 2);
        }
        assert!(turns.is_readable(ticket, Waker::noop()));
        turns.end_unread(ticket);
        assert_eq!((turns.queues.over.get(), turns.queues.unread.get()), (1, 0));
    }
}

#[test]
fn clients_are_refused_when_so_many_of_them_wait() {
    let turns = turns(100, 1 << 20);
    let holder = turns.try_take();
    let two = [(); 2].map(|()| ask(&turns, CLIENT, 0));
    assert!(ask(&turns, Asker::Connection, 0).1.is_none());
    assert_eq!(ask(&turns, CLIENT, 0).1.map(|it| it.err()), Some(Some(NoTurn::Busy)));
    drop(two);
    assert!(ask(&turns, CLIENT, 0).1.is_none());
    drop(holder);
}

#[test]
fn a_paused_room_gives_turns_to_operators_alone_and_then_goes_on_in_order() {
    let turns = turns(100, 1 << 20);
    let holder = turns.try_take();
    let mut first = ask(&turns, Asker::Connection, 1).0;
    let mut client = ask(&turns, CLIENT, 1).0;
    let mut signal = ask(&turns, Asker::Signal, 1).0;
    assert!(turns.pause() && !turns.pause());
    for turned_away in [&mut client, &mut signal] {
        assert_eq!(poll(turned_away).map(|it| it.err()), Some(Some(NoTurn::Paused)));
    }
    let mut operator = ask(&turns, Asker::Operator, 0).0;
    assert!(poll(&mut operator).is_none(), "an event still has the turn");
    drop(holder);
    drop(poll(&mut operator).expect("it is an operator's"));
    assert!(ask(&turns, Asker::Operator, 0).1.is_some());
    let mut second = ask(&turns, Asker::Connection, 1).0;
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    assert_eq!(ask(&turns, CLIENT, 1).1.map(|it| it.err()), Some(Some(NoTurn::Paused)));
    turns.resume();
    let holder = poll(&mut first).expect("it is its turn");
    assert!(poll(&mut second).is_none());
    drop(holder);
    assert!(poll(&mut second).is_some());
}

#[test]
fn what_a_paused_room_holds_is_given_up_when_the_server_stops() {
    let turns = turns(100, 1 << 20);
    turns.stop();
    drop(turns.try_take().expect("a room that is not paused goes on"));
    turns.pause();
    let mut waiting = ask(&turns, Asker::Connection, 1).0;
    turns.stop();
    assert_eq!(poll(&mut waiting).map(|it| it.err()), Some(Some(NoTurn::Stopped)));
    assert_eq!(ask(&turns, Asker::Connection, 1).1.map(|it| it.err()), Some(Some(NoTurn::Stopped)));
    assert_eq!(waits(&turns), (0, 0));
}
