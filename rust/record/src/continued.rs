//! What becomes of a stream that was cut and was to be continued.

use crate::call::Outcome;

/// What became of a stream that was cut and was to be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continued {
    /// It was continued, and is whole.
    Whole,
    /// What continued it was cut as well.
    Cut,
    /// The attempt that was to continue it failed.
    Failed,
    /// There was no attempt: none in service, the budget spent, the call's attempts used up.
    Refused,
    /// The call, or what came of its answer, is not such that it can be continued.
    Unfit,
    /// The caller went away first.
    ClientGone,
}

impl Continued {
    /// All, in the order of the metric's table.
    pub const ALL: [Self; 6] = [Self::Whole, Self::Cut, Self::Failed, Self::Refused, Self::Unfit, Self::ClientGone];

    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Unfit => "unfit",
            Self::ClientGone => "client_gone",
        }
    }

    /// The same at the end of its call.
    pub(crate) const fn ends(self, outcome: Outcome) -> Self {
        match (self, outcome) {
            (_, Outcome::ClientGone) => Self::ClientGone,
            (Self::Whole, Outcome::Cut) => Self::Cut,
            (said, _) => said,
        }
    }
}
