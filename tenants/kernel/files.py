"""Stored files by folder, on whatever storage is set."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from django.core.files.storage import default_storage


def remove_folder(path: str) -> None:
    """Remove a folder with all it holds; one that is not there is fine."""
    try:
        folders, files = default_storage.listdir(path)
    except FileNotFoundError:
        return
    for name in files:
        default_storage.delete(f"{path}/{name}")
    for name in folders:
        remove_folder(f"{path}/{name}")
    # Local folders stay behind empty; a bucket has none.
    default_storage.delete(path)


def folder_bytes(path: str) -> int:
    """Bytes of every file below a folder; none for one that is not there."""
    try:
        folders, files = default_storage.listdir(path)
    except FileNotFoundError:
        return 0
    own = sum(default_storage.size(f"{path}/{name}") for name in files)
    return own + sum(folder_bytes(f"{path}/{name}") for name in folders)


def safe_name(name: str) -> str:
    """The stem of a file's name that is safe in a header and on every system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(name).stem)[:80] or "file"
