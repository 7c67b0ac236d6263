//! The top-level keys so far, to see one that comes twice.

use super::capture::Capture;
use fault::{Fault, Kind};

/// How many top-level keys a body may have. No call of the API has a fifth as many.
pub(super) const MAX_KEYS: usize = 256;

/// As many as usual bodies have, and more; those beyond are kept on the heap.
const INLINE: usize = 24;

/// A hash per key.
#[derive(Debug, Default)]
pub(super) struct Keys {
    first: [u64; INLINE],
    count: usize,
    more: Vec<u64>,
}

impl Keys {
    /// Notes a key. Kinds: `DuplicateKey`, `BodyNotUtf8`, `BodyNotJson` for one too many.
    pub(super) fn add(&mut self, key: &Capture) -> Result<(), Fault> {
        if key.whole().is_some_and(|bytes| std::str::from_utf8(bytes).is_err()) {
            return Err(Fault::new(Kind::BodyNotUtf8, format!("the key {} is not valid UTF-8", shown(key))));
        }
        let hash = key.hash();
        let inline = self.count.min(INLINE);
        if self.first[..inline].contains(&hash) || self.more.contains(&hash) {
            let sentence = format!("the key {} occurs twice in the body: send it once", shown(key));
            return Err(Fault::new(Kind::DuplicateKey, sentence));
        }
        if self.count == MAX_KEYS {
            return Err(Fault::new(
                Kind::BodyNotJson,
                format!("the body has more than {MAX_KEYS} keys at its top level"),
            ));
        }
        match self.first.get_mut(self.count) {
            Some(place) => *place = hash,
            None => self.more.push(hash),
        }
        self.count += 1;
        Ok(())
    }
}

/// The key as the caller may read it: quoted, escaped, and cut where it is long.
fn shown(key: &Capture) -> String {
    let text = String::from_utf8_lossy(key.kept());
    let short: String = text.chars().take(64).collect();
    format!("{short:?}")
}
