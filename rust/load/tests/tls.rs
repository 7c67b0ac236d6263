//! Targets that speak TLS, and targets that should.
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp, reason = "tests fail by panicking; counts are whole")]

mod support;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::Arc;
use support::server::{Act, Server, answer, delta, reply, stream};
use support::{chat, failures, number, run};

/// A server with a certificate of its own making, and a file that holds it.
fn server() -> (Server, tempfile::NamedTempFile) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(made.cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let body = [answer(200, "application/json", &reply("hi")), stream(&[&delta("a"), &delta("b"), "[DONE]"])];
    let server = Server::wrapped(
        move |request| vec![Act::Write(body[usize::from(request.body.contains("\"stream\":true"))].clone())],
        move |socket| Some(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).ok()?, socket)),
    );
    (server, file)
}

fn url(server: &Server) -> String {
    server.url.replace("http://127.0.0.1", "https://localhost")
}

fn load(changes: &Value) -> Value {
    let mut spec = json!({"arrivals": {"kind": "constant", "per_second": 100.0}, "duration_ms": 200});
    for (name, value) in changes.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

#[test]
fn calls_go_over_tls_when_the_authority_is_named_or_nobody_is_checked() {
    let (server, file) = server();
    for (trust, streams) in [
        (json!({"ca_file": file.path()}), false),
        (json!({"ca_file": file.path()}), true),
        (json!({"verify": false}), true),
    ] {
        let mut changes = load(&trust);
        changes["calls"] = chat(streams);
        let result = run(&url(&server), &changes);
        assert_eq!((failures(&result), number(&result, "good")), (vec![], 20.0), "{}", result["examples"]);
    }
}

#[test]
fn trouble_with_tls_is_one_clear_error() {
    let (server, _file) = server();
    // As a server of plain HTTP does, to which a handshake is an odd request.
    let plain = Server::wrapped(
        |_| vec![],
        |mut socket| {
            let _ = (socket.read(&mut [0; 4096]), socket.write_all(&answer(400, "text/plain", "what?")));
            None::<std::net::TcpStream>
        },
    );
    let nobody = tempfile::NamedTempFile::new().unwrap();
    for (url, changes, code, said) in [
        (url(&server), json!({}), 69, "ca_file"),
        (url(&plain), json!({"verify": false}), 69, "the port does not speak TLS: was http:// meant?"),
        (url(&server), json!({"ca_file": nobody.path()}), 1, "no certificate"),
        (url(&server), json!({"ca_file": "/nowhere.pem"}), 1, "/nowhere.pem"),
    ] {
        match load::start(&support::spec(&url, &changes)) {
            Err(load::StartError::Failed { code: found, message }) => {
                assert!(found == code && message.contains(said), "{found} {message}");
            }
            other => panic!("{url} {changes}: {:?}", other.map(|_| "started")),
        }
    }
}
