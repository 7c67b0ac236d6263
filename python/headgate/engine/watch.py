"""Seeing that a policy changed: by events of its directories, and by a look at the content every few seconds.

Events alone are not enough: a ConfigMap is swapped by renaming a link beside the file, some mounts send no events at
all, and nothing tells of a change between reading and watching. So any event is only a reason to look, and so is a
timeout. What is compared is what was read to compile the policy in force. Files that hold secrets are compared by
their metadata: their content is none of our business.
"""

from __future__ import annotations

import glob
import hashlib
import os
import threading
from typing import TYPE_CHECKING, Final

from headgate.config.files import directories

if TYPE_CHECKING:
    from headgate.compile import Compiled

LOOK_EVERY_MS: Final = 2_000
Seen = dict[str, str]
"""What is known of each file, by its name."""


class Watch:
    """Watches the files of a policy on a thread of its own, for as long as the `with` block lasts."""

    def __init__(self, compiled: Compiled) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headgate-watch", daemon=True)
        self.follow(compiled)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=1)

    def changed(self) -> bool:
        """Whether the policy changed since this was asked last."""
        was = self._changed.is_set()
        self._changed.clear()
        return was

    def follow(self, compiled: Compiled) -> None:
        """Watches what this policy was made of."""
        with self._lock:
            self._sources = compiled.loaded.sources
            self._secret_files = compiled.secret_files
            self._seen = self._sources.files | self._secrets()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._look()
            self._watch(self._folders())

    def _watch(self, folders: set[str]) -> None:
        """Looks at each event of these folders, until others are to be watched."""
        from watchfiles import watch

        try:
            for _ in watch(
                *folders,
                watch_filter=None,
                stop_event=self._ended,
                rust_timeout=LOOK_EVERY_MS,
                yield_on_timeout=True,
                recursive=False,
            ):
                self._look()
                if self._folders() != folders:
                    return
        except OSError:  # no watches are left, or a folder has just gone
            self._ended.wait(LOOK_EVERY_MS / 1000)

    def _folders(self) -> set[str]:
        with self._lock:
            secrets = {os.path.dirname(name) for name in self._secret_files}
            return {str(folder) for folder in directories(self._sources)} | {
                each for each in secrets if os.path.isdir(each)
            }

    def _look(self) -> None:
        with self._lock:
            included = [name for pattern in self._sources.globs for name in glob.glob(pattern, recursive=True)]
            now = {name: _digest(name) for name in [*self._sources.files, *included]} | self._secrets()
            if now != self._seen:
                self._seen = now
                self._changed.set()

    def _secrets(self) -> Seen:
        return {f"secret {name}": _metadata(name) for name in self._secret_files}


def _digest(name: str) -> str:
    try:
        with open(name, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "absent"


def _metadata(name: str) -> str:
    try:
        status = os.stat(name)
    except OSError:
        return "absent"
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
