//! The order of attempts: which place is tried, and what a failure there means for the next.
//!
//! [`run`] walks candidates in the plan's order, and each candidate's endpoints in the order that it is given. It goes
//! on only from a failure that left nothing behind at a provider ([`Retry::Elsewhere`]: no connection, no name, no TLS);
//! anything else is the answer. What an attempt *is* comes in as a parameter, so that these rules are tested with a
//! function that fails on command, and run the same way on sockets and in virtual time.
//!
//! Cancelling: dropping the future drops the open attempt, which closes its connection.
//!
//! Not here: sockets (`upstream`), deadlines of the call (`gateway` sets them around this), and the pace of retries and
//! the health of endpoints, which belong between the two loops of [`run`].

use fault::{Fault, Retry};
use plan::Candidate;

/// Runs attempts until one is answered or none is left.
///
/// `endpoints` gives the order of a candidate's endpoints, as indices. `exchange` makes one attempt. The fault is that
/// of the last attempt; with no candidate at all it is an internal one, since a route always has one.
pub async fn run<'a, A, E: IntoIterator<Item = usize>>(
    candidates: impl IntoIterator<Item = Candidate<'a>>,
    mut endpoints: impl FnMut(&Candidate<'a>) -> E,
    mut exchange: impl AsyncFnMut(&Candidate<'a>, usize) -> Result<A, Fault>,
) -> Result<A, Fault> {
    let mut failed = 0_u32;
    let mut last = None;
    for candidate in candidates {
        for endpoint in endpoints(&candidate) {
            let fault = match exchange(&candidate, endpoint).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            failed += 1;
            let fault = if failed > 1 { fault.because(format_args!("attempt {failed}")) } else { fault };
            if fault.kind().row().retry != Retry::Elsewhere {
                return Err(fault);
            }
            last = Some(fault);
        }
    }
    Err(last
        .unwrap_or_else(|| Fault::new(fault::Kind::Internal, "The call had nowhere to go").because("no candidates")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fault::Kind;
    use std::borrow::Cow;

    fn candidate(provider: usize) -> Candidate<'static> {
        Candidate { provider, deployment: None, model: Cow::Borrowed("m"), step: provider }
    }

    /// Runs over two providers of two endpoints each; `fail` says what each place does. Returns the places tried.
    async fn walk(fail: impl Fn(usize, usize) -> Option<Kind>) -> (Vec<(usize, usize)>, Result<(usize, usize), Fault>) {
        let mut tried = Vec::new();
        let result = run(
            [candidate(0), candidate(1)],
            |_| [1, 0],
            async |candidate, endpoint| {
                tried.push((candidate.provider, endpoint));
                match fail(candidate.provider, endpoint) {
                    Some(kind) => Err(Fault::new(kind, "failed")),
                    None => Ok((candidate.provider, endpoint)),
                }
            },
        )
        .await;
        (tried, result)
    }

    #[tokio::test]
    async fn the_first_answer_ends_the_walk() {
        let (tried, result) = walk(|_, _| None).await;
        assert_eq!((tried, result.ok()), (vec![(0, 1)], Some((0, 1))));
    }

    #[tokio::test]
    async fn endpoints_come_before_fallbacks() {
        let (tried, result) = walk(|provider, _| (provider == 0).then_some(Kind::ConnectFailed)).await;
        assert_eq!((tried, result.ok()), (vec![(0, 1), (0, 0), (1, 1)], Some((1, 1))));
    }

    #[tokio::test]
    async fn what_reached_a_provider_is_never_tried_again() {
        for kind in Kind::ALL.iter().filter(|kind| kind.row().retry != Retry::Elsewhere) {
            let (tried, result) = walk(|_, _| Some(*kind)).await;
            assert_eq!((tried.len(), result.err().map(|fault| fault.kind())), (1, Some(*kind)));
        }
    }

    #[tokio::test]
    async fn the_last_fault_is_told_and_its_cause_counts_the_attempts() {
        let (tried, result) = walk(|_, _| Some(Kind::ConnectTimeout)).await;
        assert_eq!(tried.len(), 4);
        assert_eq!(result.err().and_then(|fault| fault.cause().map(str::to_owned)).as_deref(), Some("attempt 4"));
    }
}
