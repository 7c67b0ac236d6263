//! Before the first call: the accounts are as they were when the last one ended.

use super::file::{self, CHECKPOINT, Checkpoint};
use super::fold::Fold;
use super::keep::Keep;
use super::recover::recover;
use super::since::{self, Since};
use admission::Limits;
use journal::Writer;
use std::path::Path;
use std::sync::Arc;

/// Counts the journal of a directory into the accounts of `limits`, and settles what a killed process has left there.
///
/// `writer` is one that nobody has written with. What cannot be read of the directory is told later, and not counted.
pub(crate) fn start(directory: &Path, limits: &Arc<Limits>, writer: &Writer, keep_bytes: u64, now_ns: u64) -> Keep {
    let mut troubles = Vec::new();
    let known: Option<Since> = file::read(directory, since::FILE).unwrap_or_else(|trouble| {
        troubles.push(trouble);
        None
    });
    let since = Since::of(limits, known.as_ref(), now_ns);
    let checkpoint = file::read(directory, CHECKPOINT).unwrap_or_else(|trouble| {
        troubles.push(trouble);
        None
    });
    let mut keep = Keep::new(directory, keep_bytes, since);
    match keep.since(|since| begin(directory, limits, since, checkpoint, &mut troubles)) {
        Ok(mut fold) => seed(&mut keep, &mut fold, writer, now_ns, &mut troubles),
        Err(trouble) => troubles.push(trouble),
    }
    keep.troubles = troubles;
    keep
}

/// A fold from the checkpoint; where that says nothing, from the beginning.
fn begin(
    directory: &Path,
    limits: &Arc<Limits>,
    since: &Since,
    checkpoint: Option<Checkpoint>,
    troubles: &mut Vec<String>,
) -> Result<Fold, String> {
    Fold::begin(directory, limits, since, checkpoint).or_else(|trouble| {
        troubles.push(trouble);
        Fold::begin(directory, limits, since, None)
    })
}

fn seed(keep: &mut Keep, fold: &mut Fold, writer: &Writer, now_ns: u64, troubles: &mut Vec<String>) {
    let mut count = || {
        keep.counted = fold.read()?;
        keep.recovered = recover(fold, writer)?;
        Ok::<_, std::io::Error>(())
    };
    if let Err(error) = count() {
        troubles.push(format!("the journal cannot be read: {error}"));
        return; // what is not counted must not be passed over by the next start
    }
    fold.tally.set_clock(now_ns);
    fold.tally.forget_others();
    if !keep.recovered.is_unwritten
        && let Err(error) = keep.save(fold)
    {
        troubles.push(format!("{}: {error}", keep.directory.display()));
    }
}
