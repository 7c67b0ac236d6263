//! Any bytes through the codec and through hyper: what both accept they deliver the same, and where the codec is
//! stricter its reason is on the list. Inputs that begin like an answer are read as one.
#![no_main]

#[allow(dead_code, reason = "each target uses its part")]
#[path = "../../http1/tests/support/mod.rs"]
mod support;

use support::compare::{self, Outcome};
use support::{codec, oracle};

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let outcome = RUNTIME.with(|runtime| {
        runtime.block_on(async {
            if bytes.starts_with(b"HTTP/") {
                compare::answer(&codec::answer(&[bytes], false), oracle::answer(bytes, false).await.as_ref())
            } else {
                compare::requests(&codec::requests(&[bytes]), &oracle::requests(bytes).await)
            }
        })
    });
    if let Outcome::Differ(how) = outcome {
        panic!("{how}");
    }
});
