//! Whether this process may hold as many sockets as a load wants.

use crate::StartError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything but the connections: event loops, files, pipes.
const SPARE: u64 = 64;

/// Makes room for `connections` sockets: raises the soft limit as far as the hard one allows.
pub(crate) fn allow(connections: usize) -> Result<(), StartError> {
    let wanted = connections as u64 + SPARE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|soft| soft >= wanted) {
        return Ok(());
    }
    if limit.maximum.is_none_or(|hard| hard >= wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
        if raised.is_ok() {
            return Ok(());
        }
    }
    let allowed = limit.maximum.or(limit.current).unwrap_or(0);
    Err(StartError::here(format!(
        "{connections} connections need {wanted} descriptors and this process may have {allowed}: raise the limit with \
         `ulimit -n {wanted}`, or ask for fewer connections"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_sockets_than_can_be_had_is_an_error_that_says_what_to_do() {
        assert_eq!(allow(1), Ok(()));
        match allow(usize::MAX / 2) {
            Ok(()) => assert_eq!(getrlimit(Resource::Nofile).maximum, None),
            Err(error) => assert!(error.to_string().contains("ulimit -n"), "{error}"),
        }
    }
}
