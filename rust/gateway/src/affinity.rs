//! What keeps a call at one place, for its prompt cache.

use crate::call::{Named, Spelling};
use http1::RequestHead;
use plan::Affinity;
use protocol::top;

/// Names the session that a call belongs to.
const SESSION: &str = "x-session-id";
/// The same, in a body of `OpenAI`'s dialect.
const CACHE_KEY: &[u8] = b"prompt_cache_key";

/// A hash of what keeps a call at one place; none where the policy wants none, or the call has nothing of the kind.
///
/// The caller's key is part of it: what others send moves nobody's calls.
pub(crate) fn of<'k>(
    affinity: Affinity,
    head: &RequestHead,
    named: &Named,
    key: impl FnOnce() -> Option<&'k str>,
) -> Option<u64> {
    if affinity == Affinity::Off {
        return None;
    }
    let tenant = key().unwrap_or_default().as_bytes();
    let hash = |common: &[u8]| attempt::hash(tenant, common);
    let is_json = matches!(named.spelling, Spelling::Json);
    match affinity {
        Affinity::Session => match head.headers.get(SESSION).filter(|session| !session.is_empty()) {
            Some(session) => Some(hash(session)),
            None if is_json => top::text(&named.pieces, CACHE_KEY).as_deref().map(hash),
            None => None,
        },
        Affinity::Prefix if is_json => top::prompt(&named.pieces, &mut [0; top::PREFIX]).map(hash),
        Affinity::Prefix | Affinity::Off => None,
    }
}
