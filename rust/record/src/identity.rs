//! Who is behind a call.

/// Who is behind a call, as far as it is known; each value has 1 to 255 bytes and no control character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identified {
    /// The user.
    pub user: Option<Box<str>>,
    /// The agent.
    pub agent: Option<Box<str>>,
    /// The session.
    pub session: Option<Box<str>>,
    /// The task.
    pub task: Option<Box<str>>,
    /// Tags, each once; those of the key come first.
    pub tags: Vec<Box<str>>,
}
