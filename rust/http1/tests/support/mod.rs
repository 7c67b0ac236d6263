//! What the tests and the fuzz targets share: the codec run over whole inputs, hyper run over the same, a generator of
//! inputs, and the list of where the two may differ.

pub(crate) mod codec;
pub(crate) mod compare;
pub(crate) mod generate;
pub(crate) mod oracle;

/// A message as either program delivers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// `method target`, or the status.
    pub(crate) first: String,
    /// Names in lower case, sorted; the values of one name in the order in which they came.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// The body, without its framing.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A message with its headers put in order.
    pub(crate) fn new<'a>(first: String, headers: impl Iterator<Item = (&'a [u8], &'a [u8])>, body: Vec<u8>) -> Self {
        let lower = |(name, value): (&[u8], &[u8])| (String::from_utf8_lossy(name).to_lowercase(), value.to_vec());
        let mut headers: Vec<_> = headers.map(lower).collect();
        headers.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { first, headers, body }
    }
}
