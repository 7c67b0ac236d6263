//! Watching the plan's file: whether what its path leads to has changed.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A file that may be replaced: by an editor, or by a `ConfigMap` whose directory is swapped behind a link.
///
/// Looks at what the path leads to, links followed, so that every way of replacing is seen; a look costs one system call.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    seen: Option<Look>,
}

/// Device, inode, size, and the time of change.
type Look = (u64, u64, u64, i64, i64);

impl FileWatch {
    /// Watches from now on.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let seen = look(&path);
        Self { path, seen }
    }

    /// Whether the file has changed since the last time of asking. A file that is gone has not changed.
    pub fn changed(&mut self) -> bool {
        let now = look(&self.path);
        let changed = now.is_some() && now != self.seen;
        if changed {
            self.seen = now;
        }
        changed
    }
}

fn look(path: &std::path::Path) -> Option<Look> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.size(), file.ctime(), file.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_swapped_directory_is_seen_once() {
        let root = tempfile::tempdir().expect("writable");
        for version in ["v1", "v2"] {
            std::fs::create_dir(root.path().join(version)).expect("writable");
            std::fs::write(root.path().join(version).join("plan.json"), version).expect("writable");
        }
        symlink("v1", root.path().join("..data")).expect("writable");
        symlink("..data/plan.json", root.path().join("plan.json")).expect("writable");
        let mut watch = FileWatch::new(root.path().join("plan.json"));
        assert!(!watch.changed());
        symlink("v2", root.path().join("next")).expect("writable");
        std::fs::rename(root.path().join("next"), root.path().join("..data")).expect("writable");
        assert!(watch.changed());
        assert!(!watch.changed());
    }

    #[test]
    fn a_file_that_is_gone_has_not_changed_until_it_is_back() {
        let root = tempfile::tempdir().expect("writable");
        let path = root.path().join("plan.json");
        std::fs::write(&path, "1").expect("writable");
        let mut watch = FileWatch::new(&path);
        std::fs::rename(&path, root.path().join("old")).expect("writable");
        assert!(!watch.changed());
        std::fs::write(&path, "2").expect("writable");
        assert!(watch.changed());
    }
}
