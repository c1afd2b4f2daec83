"""Stored files by folder, on whatever storage is set."""

from __future__ import annotations

import contextlib
import errno
import logging
import re
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage

from tenants.kernel.errors import DomainError, StorageFull, Unavailable

logger = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT}


def no_room(error: BaseException) -> bool:
    """Whether a failure says that a disk or its quota is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def keep_file(path: str, content: File[Any]) -> str:
    """Store a file whole or not at all; tells under which path.

    Raises StorageFull where there is no room, Unavailable where the storage fails otherwise.
    """
    try:
        path = default_storage.get_available_name(path)
        stored: str = default_storage.save(path, content)
    except OSError as error:
        with contextlib.suppress(OSError):
            default_storage.delete(path)
            # A folder that was made for it alone goes too; one that holds more stays.
            default_storage.delete(path.rpartition("/")[0])
        raise storage_failure(error) from error
    return stored


def storage_failure(error: OSError) -> DomainError:
    """A failure of the storage as a sentence for whoever stored."""
    if no_room(error):
        logger.error("the storage is full")
        return StorageFull()
    logger.error("the storage failed", exc_info=error)
    return Unavailable("The file could not be stored just now. Try again later.", code="storage_failed")


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
