//! Two futures, of which the first to end counts.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Which ended first, and with what.
pub(crate) enum First<A, B> {
    /// The one that was named first; it also wins a tie.
    Left(A),
    /// The other.
    Right(B),
}

/// Runs both until one ends; the other is dropped.
pub(crate) async fn race<A, B>(left: impl Future<Output = A>, right: impl Future<Output = B>) -> First<A, B> {
    let (mut left, mut right) = (pin!(left), pin!(right));
    poll_fn(|context| {
        if let Poll::Ready(value) = left.as_mut().poll(context) {
            return Poll::Ready(First::Left(value));
        }
        right.as_mut().poll(context).map(First::Right)
    })
    .await
}
