//! When calls are sent, and from when their latency runs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp, reason = "tests fail by panicking; counts are whole")]

mod support;

use rustix::net::{AddressFamily, SocketType};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::time::Duration;
use support::server::{Act, Server, answer, reply};
use support::{call, failures, number, run};

fn good() -> Act {
    Act::Write(answer(200, "application/json", &reply("hi")))
}

/// 100 calls, one every 10 ms, on one connection; the 21st answer takes half a second.
#[test]
fn the_calls_that_were_due_while_the_target_stalled_show_the_stall() {
    let stall = Duration::from_millis(500);
    let server = Server::start(move |request| match request.number {
        20 => vec![Act::Wait(stall), good()],
        _ => vec![good()],
    });
    let arrivals = json!({"kind": "constant", "per_second": 100.0});
    let changes = json!({"arrivals": arrivals, "duration_ms": 1000, "max_connections": 1});
    let result = run(&server.url, &changes);
    assert_eq!((number(&result, "asked"), number(&result, "good")), (100.0, 100.0));
    // About fifty calls became due during the stall, and waited for between half a second and nothing: so a quarter of
    // all waited for more than half of it. To the connection, one call in a hundred was slow.
    let share_over = |hist: &str, us: f64| {
        let curve = result[hist]["curve"].as_array().unwrap();
        let below = curve.iter().rev().find(|point| point[1].as_f64().unwrap() <= us);
        1.0 - below.map_or(0.0, |point| point[0].as_f64().unwrap())
    };
    assert!(share_over("latency", 250_000.0) >= 0.2, "{}", result["latency"]["curve"]);
    assert!(share_over("service", 250_000.0) <= 0.2, "{}", result["service"]["curve"]);
    assert!(number(&result, "latency/max_us") >= 500_000.0);
    assert!(number(&result, "health/late_calls") >= 25.0 && number(&result, "health/backlog_max") >= 25.0);
    let reason = result["health"]["reason"].as_str().unwrap();
    assert!(reason.contains("all 1 connections were in use"), "{reason}");
}

#[test]
fn calls_that_wait_when_the_load_ends_are_unsent_and_those_that_were_sent_may_end() {
    let server = Server::start(|_| vec![Act::Wait(Duration::from_millis(800)), good()]);
    let arrivals = json!({"kind": "constant", "per_second": 100.0});
    let result = run(&server.url, &json!({"arrivals": arrivals, "duration_ms": 300, "max_connections": 1}));
    let counts = ["asked", "sent", "good", "failures/unsent", "open"].map(|name| number(&result, name));
    assert_eq!(counts, [30.0, 1.0, 1.0, 29.0, 0.0], "{result}");
    let reason = result["health"]["reason"].as_str().unwrap();
    assert!(reason.contains("all 1 connections were in use: the target answers too slowly"), "{reason}");
}

/// The listener's queue is full with the probe, so that the kernel takes no further connection.
#[test]
fn calls_that_are_still_connecting_when_the_load_ends_are_unsent() {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let listener = TcpListener::from(socket);
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let arrivals = json!({"kind": "constant", "per_second": 50.0});
    let result = run(&url, &json!({"arrivals": arrivals, "duration_ms": 200, "timeout_ms": 2000}));
    assert_eq!((number(&result, "asked"), failures(&result)), (10.0, vec![("unsent".to_owned(), 10)]), "{result}");
    let reason = result["health"]["reason"].as_str().unwrap();
    assert!(reason.contains("connections were slow to open"), "{reason}");
}

/// The engine cannot keep this schedule, and neither could anybody.
#[test]
fn a_rate_beyond_all_means_ends_with_the_load() {
    let server = Server::start(|_| vec![good()]);
    let arrivals = json!({"kind": "constant", "per_second": 2_000_000.0});
    let result = run(
        &server.url,
        &json!({"arrivals": arrivals, "duration_ms": 200, "max_connections": 2, "timeout_ms": 30_000}),
    );
    let (good, unsent) = (number(&result, "good"), number(&result, "failures/unsent"));
    assert_eq!((number(&result, "asked"), good + unsent), (400_000.0, 400_000.0), "{result}");
    let series = result["series"].as_array().unwrap();
    let last_sent = series.iter().rev().find(|step| step["sent"].as_f64().unwrap() > 0.0).unwrap();
    assert!(last_sent["at_ms"].as_f64().unwrap() < 2000.0, "{series:?}");
}

#[test]
fn a_trace_is_replayed_in_its_order_and_no_call_leaves_before_its_time() {
    let server = Server::start(|_| vec![good()]);
    let times = [300.0, 0.0, 100.0, 200.0];
    let calls: Vec<_> = times
        .iter()
        .map(|at| {
            let mut call = call("/chat/completions", &json!({"at": at}).to_string());
            call["at_ms"] = json!(at);
            call
        })
        .collect();
    let arrivals = json!({"kind": "trace", "speed": 2.0});
    let changes = json!({"calls": {"kind": "each", "calls": calls}, "arrivals": arrivals, "duration_ms": 1000});
    let result = run(&server.url, &changes);
    assert_eq!(number(&result, "good"), 4.0);
    let bodies: Vec<_> = server.requests.lock().unwrap().iter().map(|request| request.body.clone()).collect();
    assert_eq!(bodies, [0.0, 100.0, 200.0, 300.0].map(|at| json!({"at": at}).to_string()));
    assert!(number(&result, "elapsed_s") >= 0.15, "the last call is due after 150 ms: {result}");
    assert!(number(&result, "late/min_us") >= 0.0);
}

#[test]
fn a_closed_loop_keeps_as_many_calls_open_as_it_has_connections() {
    let server = Server::start(|request| if request.number < 10 { vec![good()] } else { vec![Act::Hang] });
    let arrivals = json!({"kind": "closed", "connections": 5});
    let result = run(&server.url, &json!({"arrivals": arrivals, "threads": 2, "timeout_ms": 2000}));
    assert_eq!((number(&result, "good"), number(&result, "health/connections_opened")), (10.0, 5.0), "{result}");
    assert_eq!((number(&result, "failures/timeout"), number(&result, "asked")), (5.0, 15.0), "{result}");
    assert!(result["late"].is_null());
}
