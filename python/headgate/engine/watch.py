"""Seeing that a policy changed: by events of its directories, and by a look at the content every few seconds.

Events alone are not enough: a ConfigMap is swapped by renaming a link beside the file, and some mounts send no
events at all. So any event is only a reason to look, and so is a timeout. Files that hold secrets are compared by
their metadata; their content is none of our business.
"""

from __future__ import annotations

import glob
import hashlib
import os
import threading
from typing import TYPE_CHECKING, Any

from headgate.config.files import directories

if TYPE_CHECKING:
    from headgate.compile import Compiled

LOOK_EVERY_MS = 10_000


class Watch:
    """Watches the files of a policy on a thread of its own, for as long as the `with` block lasts."""

    def __init__(self, compiled: Compiled) -> None:
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._sources = compiled.loaded.sources
        self._secret_files = compiled.secret_files
        self._thread = threading.Thread(target=self._run, name="headgate-watch", daemon=True)

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
        """Watches what a newer policy is made of."""
        self._sources = compiled.loaded.sources
        self._secret_files = compiled.secret_files

    def _run(self) -> None:
        seen = self._fingerprint()
        while not self._ended.is_set():
            self._wait()
            now = self._fingerprint()
            if now != seen:
                seen = now
                self._changed.set()

    def _wait(self) -> None:
        """Returns at the next event, or after `LOOK_EVERY_MS`."""
        from watchfiles import watch

        folders = {str(folder) for folder in directories(self._sources)}
        folders |= {folder for name in self._secret_files if os.path.isdir(folder := os.path.dirname(name))}
        options: dict[str, Any] = {"rust_timeout": LOOK_EVERY_MS, "yield_on_timeout": True, "recursive": False}
        try:
            next(watch(*folders, watch_filter=None, stop_event=self._ended, **options), None)
        except OSError:  # no watches left, or a folder that has just gone
            self._ended.wait(LOOK_EVERY_MS / 1000)

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        included = [name for pattern in self._sources.globs for name in sorted(glob.glob(pattern, recursive=True))]
        for name in [*self._sources.files, *included]:
            digest.update(f"{name}\0".encode(errors="surrogateescape"))
            digest.update(_content(name))
        for name in self._secret_files:
            digest.update(_metadata(name))
        return digest.hexdigest()


def _content(name: str) -> bytes:
    try:
        with open(name, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError:
        return b"absent"


def _metadata(name: str) -> bytes:
    try:
        status = os.stat(name)
    except OSError:
        return b"absent"
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}".encode()
