//! Who gets an address, and how workers share it.

use crate::support::{Client, GET, Server, echo, limits, run, until};
use listener::{Phase, bind};
use plan::Address;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tokio::net::{TcpStream, UnixStream};

fn any() -> Address {
    Address::Tcp("127.0.0.1:0".parse().unwrap())
}

#[test]
fn an_address_has_one_holder_though_its_workers_share_it() {
    let held = bind(&any(), 4).unwrap();
    let again = bind(held.local_address(), 4).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);
    let address = held.local_address().clone();
    drop(held);
    bind(&address, 4).unwrap();
}

#[test]
fn a_port_that_the_system_chose_is_told() {
    let held = bind(&any(), 3).unwrap();
    let Address::Tcp(address) = held.local_address() else { panic!("not TCP") };
    assert_ne!(address.port(), 0);
    assert_eq!(held.into_shares().len(), 3);
}

#[test]
fn an_address_can_be_bound_again_right_after_a_connection_on_it_ended() {
    run(async {
        let server = Server::start(echo);
        let address = server.address.clone();
        let mut client = server.connect().await;
        // We close first, so the connection waits out its time on our side.
        client.send("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
        client.answer().await;
        client.rest().await.unwrap();
        server.phase.send_replace(Phase::Close);
        server.ended().await;
        bind(&address, 2).unwrap();
    });
}

#[test]
fn every_worker_gets_connections() {
    run(async {
        let listening = bind(&any(), 2).unwrap();
        let address = listening.local_address().clone();
        let shares = listening.into_shares().into_iter();
        let servers: Vec<_> = shares.map(|share| Server::on(&address, vec![share], limits(), None, echo)).collect();
        let mut clients = Vec::new();
        for _ in 0..64 {
            clients.push(servers[0].connect().await);
        }
        until(|| servers.iter().map(|server| server.live.open()).sum::<u64>() == 64).await;
        // By chance alone all would go to one of them once in 2^63 runs.
        assert!(servers.iter().all(|server| server.live.open() > 0));
    });
}

#[test]
fn ipv6_is_served_and_its_wildcard_means_both() {
    run(async {
        for bound in ["[::1]:0", "[::]:0"] {
            let Ok(listening) = bind(&Address::Tcp(bound.parse().unwrap()), 2) else {
                eprintln!("skipped: this machine has no IPv6");
                return;
            };
            let address = listening.local_address().clone();
            let server = Server::on(&address, listening.into_shares(), limits(), None, |incoming| {
                assert!(incoming.peer.local);
                echo(incoming)
            });
            let port = server.tcp().port();
            let both = ["[::1]", "127.0.0.1"];
            for host in if bound == "[::]:0" { &both[..] } else { &both[..1] } {
                let mut client = Client::new(TcpStream::connect(format!("{host}:{port}")).await.unwrap());
                client.send(GET).await;
                assert_eq!(client.answer().await.status, 200, "{host} on {bound}");
            }
        }
    });
}

fn socket() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("headgate.sock");
    (folder, path)
}

#[test]
fn a_unix_socket_is_served_by_all_workers_and_its_file_goes_at_the_end() {
    run(async {
        let (_folder, path) = socket();
        let listening = bind(&Address::Unix(path.clone()), 2).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let address = listening.local_address().clone();
        let server = Server::on(&address, listening.into_shares(), limits(), None, |incoming| {
            assert_eq!(incoming.peer, listener::Peer::UNIX);
            echo(incoming)
        });
        let mut client = Client::new(UnixStream::connect(&path).await.unwrap());
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
        server.phase.send_replace(Phase::Close);
        server.ended().await;
        assert!(!path.exists());
    });
}

#[test]
fn a_live_unix_socket_is_not_taken_and_a_stale_one_is() {
    let (_folder, path) = socket();
    let address = Address::Unix(path.clone());
    let held = bind(&address, 1).unwrap();
    assert_eq!(bind(&address, 1).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert!(path.exists());
    drop(held);
    // What a killed process leaves behind: a file without a listener.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    bind(&address, 1).unwrap();
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let (_folder, path) = socket();
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(bind(&Address::Unix(path.clone()), 1).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_successor_keeps_its_file_when_we_end() {
    let (_folder, path) = socket();
    let address = Address::Unix(path.clone());
    let held = bind(&address, 1).unwrap();
    std::fs::remove_file(&path).unwrap();
    let successor = bind(&address, 1).unwrap();
    drop(held);
    assert!(path.exists());
    drop(successor);
    assert!(!path.exists());
}
