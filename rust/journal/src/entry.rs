//! What stands in a journal: four kinds of entries, in the order in which a call makes them.

/// The longest text of an entry, in bytes; longer ones are cut at the end of a character.
pub const TEXT_MOST: usize = 255;
/// The most bytes that the tags of a call take: names, values, and a byte before each.
pub const TAGS_MOST: usize = 4096;

/// What usage is counted in, in the order of [`Counts`]: classes of tokens, of which each token has one; and sound that
/// is billed by its length.
pub const CLASSES: [&str; 10] = [
    "input",
    "cache_read",
    "cache_write",
    "input_audio",
    "input_image",
    "output",
    "reasoning",
    "output_audio",
    "output_image",
    "audio_ms",
];

/// A number for each of [`CLASSES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts(pub [u64; CLASSES.len()]);

/// One entry. Empty texts say that something is not known, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A call whose route is known.
    Opened(Opened<'a>),
    /// An attempt that is about to be sent.
    Sent(Sent<'a>),
    /// What an attempt came to.
    Settled(Settled<'a>),
    /// The end of a call.
    Closed(Closed<'a>),
}

/// A call whose route is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Its id: the digits behind `req_`.
    pub call: u128,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
    /// The first eight bytes of the hash of the plan that it goes by.
    pub plan: u64,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// What the caller asked for, as metrics name it.
    pub alias: &'a str,
    /// What is done, e.g. `chat_completions`.
    pub operation: &'a str,
    /// The name of the caller's key.
    pub key: &'a str,
    /// The team of that key.
    pub team: &'a str,
    /// Who is behind the call, as the policy's `identity` finds it.
    pub user: &'a str,
    /// The same: which agent.
    pub agent: &'a str,
    /// The same: in which session.
    pub session: &'a str,
    /// The same: for which task.
    pub task: &'a str,
    /// What the call is tagged with.
    pub tags: Tags<'a>,
    /// The model that the caller named, where that is not the alias.
    pub model: &'a str,
    /// Where the answer comes from.
    pub source: Source,
}

/// Where the answer of a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// From attempts of its own.
    #[default]
    Own,
    /// From those of an identical call.
    Shared,
    /// From a stream that an earlier call began.
    Resumed,
}

/// An attempt that is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The call's id.
    pub call: u128,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
    /// Its number within the call, from 1.
    pub attempt: u16,
    /// Which step of its chain it belongs to, from 0.
    pub step: u16,
    /// Which of the provider's endpoints, from 0.
    pub endpoint: u16,
    /// Which of the provider's credentials, from 0.
    pub credential: u16,
    /// Whether it is sent while another one is open.
    pub hedge: bool,
    /// How many tokens it is thought to read.
    pub input_tokens: u64,
    /// How many tokens it is thought to make.
    pub output_tokens: u64,
    /// What was reserved for it, in nano-dollars; none where nothing was.
    pub reserved_nano_usd: Option<u64>,
    /// The provider.
    pub provider: &'a str,
    /// The deployment; `*` for a model that no deployment names.
    pub deployment: &'a str,
    /// The model's name at the provider.
    pub model: &'a str,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled<'a> {
    /// The call's id.
    pub call: u128,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
    /// Its number within the call, from 1.
    pub attempt: u16,
    /// The provider's status; none where it sent none.
    pub status: Option<u16>,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
    /// How long the first token took, in nanoseconds.
    pub first_token_ns: Option<u64>,
    /// What it costs, in nano-dollars; none where no price is known.
    pub nano_usd: Option<u64>,
    /// What was used.
    pub used: Counts,
    /// What a million of each costs, in nano-dollars, as it was reckoned with.
    pub rates: Counts,
    /// Who says what was used: `provider`, `counted`, `void`; `reserved` where nobody can.
    pub basis: &'a str,
    /// What became of it, as metrics class it.
    pub class: &'a str,
    /// The code of the fault, where it failed without an answer.
    pub fault: &'a str,
    /// Which price was in force.
    pub price: &'a str,
}

/// The end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed<'a> {
    /// Its id.
    pub call: u128,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
    /// How many attempts were made.
    pub attempts: u16,
    /// The status that the caller got; none where it left before.
    pub status: Option<u16>,
    /// From its head to its end, in nanoseconds.
    pub took_ns: u64,
    /// Bytes of body received from the caller.
    pub bytes_in: u64,
    /// Bytes of body handed to the caller.
    pub bytes_out: u64,
    /// How it ended, as metrics name it.
    pub outcome: &'a str,
    /// The code of the fault, where it has one.
    pub fault: &'a str,
}

impl Entry<'_> {
    /// The call that it is about.
    pub const fn call(&self) -> u128 {
        match self {
            Self::Opened(entry) => entry.call,
            Self::Sent(entry) => entry.call,
            Self::Settled(entry) => entry.call,
            Self::Closed(entry) => entry.call,
        }
    }

    /// When it was written, in nanoseconds since 1970.
    pub const fn at_ns(&self) -> u64 {
        match self {
            Self::Opened(entry) => entry.at_ns,
            Self::Sent(entry) => entry.at_ns,
            Self::Settled(entry) => entry.at_ns,
            Self::Closed(entry) => entry.at_ns,
        }
    }

    /// The attempt that it is about.
    pub const fn attempt(&self) -> Option<u16> {
        match self {
            Self::Opened(_) | Self::Closed(_) => None,
            Self::Sent(entry) => Some(entry.attempt),
            Self::Settled(entry) => Some(entry.attempt),
        }
    }
}

/// Tags of a call as they are written: for each, the length and the bytes of its name, then of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tags<'a>(pub(crate) &'a [u8]);

impl<'a> Tags<'a> {
    /// None.
    pub const NONE: Self = Self(&[]);

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || Some((text(&mut rest)?, text(&mut rest)?)))
    }
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (length, behind) = rest.split_first()?;
    let (text, behind) = behind.split_at_checked(usize::from(*length))?;
    *rest = behind;
    std::str::from_utf8(text).ok()
}

/// Tags in the making, in a form that needs no more work when a call is written down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagList(Vec<u8>);

impl TagList {
    /// Adds one. Says whether it had room: all tags of a call together take at most [`TAGS_MOST`] bytes.
    pub fn push(&mut self, name: &str, value: &str) -> bool {
        let texts = [cut(name), cut(value)];
        if self.0.len() + texts.iter().map(|text| text.len() + 1).sum::<usize>() > TAGS_MOST {
            return false;
        }
        for text in texts {
            self.0.push(text.len().to_le_bytes()[0]);
            self.0.extend_from_slice(text.as_bytes());
        }
        true
    }

    /// For an entry.
    pub fn as_tags(&self) -> Tags<'_> {
        Tags(&self.0)
    }
}

/// The beginning of a text that an entry can hold.
#[inline]
pub(crate) fn cut(text: &str) -> &str {
    if text.len() <= TEXT_MOST { text } else { &text[..text.floor_char_boundary(TEXT_MOST)] }
}
