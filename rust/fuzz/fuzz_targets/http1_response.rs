//! Any bytes as the input of a connection from a provider: no panic, and the same verdict however they are cut.
#![no_main]

#[allow(dead_code, reason = "each target uses its part")]
#[path = "../../http1/tests/support/mod.rs"]
mod support;

use support::codec;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for to_head in [false, true] {
        let whole = codec::answer(&[bytes], to_head);
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(whole, codec::answer(&single, to_head));
        let (one, other) = bytes.split_at(bytes.len() / 2);
        assert_eq!(whole, codec::answer(&[one, other], to_head));
    }
});
