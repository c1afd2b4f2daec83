"""Where the files of model versions lie: in the storage under their hash, and on this machine's disk once.

A version that is shipped with the code is read from there while the code still brings it; any other is
fetched from the storage into a folder named by its hash. What is fetched is checked before it gets that
name, and the engine checks every file again when it loads.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tenants.kernel.errors import Unavailable
from tenants.kernel.files import keep_file

logger = logging.getLogger(__name__)
MANIFEST = "model.json"
# What is written about a model after its training; not part of what its hash covers.
DOCUMENTS = ("card.json", "validation.json", "documents.json")


def folder_of(sha256: str) -> str:
    """Where a version lies in the storage."""
    return f"models/{sha256}"


def manifest_hash(folder: Path) -> str:
    """The hash that names the model in a folder; empty where there is none."""
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return ""


def keep(folder: Path) -> str:
    """Put the files of a model folder into the storage, and return the hash they lie under."""
    sha256 = manifest_hash(folder)
    for name in _files(folder):
        _put(f"{folder_of(sha256)}/{name}", (folder / name).read_bytes())
    return sha256


def _put(path: str, content: bytes) -> None:
    """Write a file under exactly this name; one that is there with the same content stays."""
    if default_storage.exists(path):
        with default_storage.open(path, "rb") as there:
            if there.read() == content:
                return
        default_storage.delete(path)
    keep_file(path, ContentFile(content))


def _files(folder: Path) -> Iterator[str]:
    """Names of the files that a manifest lists, the documents beside it, and the manifest last."""
    listed = json.loads((folder / MANIFEST).read_bytes()).get("files", {})
    yield from (name for name in listed if _is_plain(name))
    yield from (name for name in DOCUMENTS if (folder / name).is_file())
    yield MANIFEST


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def local(sha256: str) -> Path:
    """The folder of a version on this machine, fetched if it is not here yet.

    Raises Unavailable where neither the code nor the storage has it.
    """
    shipped = Path(settings.MODEL_PATH)
    if manifest_hash(shipped) == sha256:
        return shipped
    place = Path(settings.MODEL_CACHE) / sha256
    if manifest_hash(place) != sha256:
        _fetch(sha256, place)
    return place


def check(sha256: str) -> None:
    """Read every stored file of a version and compare its hash; raises Unavailable where one differs.

    Other machines will fetch exactly these. What came with the code is on every machine of this release.
    """
    if manifest_hash(Path(settings.MODEL_PATH)) == sha256:
        return
    manifest = _read(sha256, MANIFEST)
    if hashlib.sha256(manifest).hexdigest() != sha256:
        raise Unavailable("The stored scoring model is not the registered one.", code="model_damaged")
    for name, digest in json.loads(manifest).get("files", {}).items():
        if hashlib.sha256(_read(sha256, name)).hexdigest() != digest:
            logger.error("a model's stored file is altered", extra={"model": sha256, "file": name})
            raise Unavailable("A stored file of the scoring model is damaged.", code="model_damaged")


def forget(sha256: str) -> None:
    """Drop this machine's copy, so that the next reader fetches it again."""
    shutil.rmtree(Path(settings.MODEL_CACHE) / sha256, ignore_errors=True)


def _fetch(sha256: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as work:
        target = Path(work) / "model"
        target.mkdir()
        _copy(sha256, MANIFEST, target)
        if manifest_hash(target) != sha256:
            raise Unavailable("The stored scoring model is not the registered one.", code="model_damaged")
        listed = json.loads((target / MANIFEST).read_bytes()).get("files", {})
        for name in filter(_is_plain, listed):
            _copy(sha256, name, target)
        for name in DOCUMENTS:
            if default_storage.exists(f"{folder_of(sha256)}/{name}"):
                _copy(sha256, name, target)
        _settle(target, place)


def _read(sha256: str, name: str) -> bytes:
    try:
        with default_storage.open(f"{folder_of(sha256)}/{name}", "rb") as stored:
            content: bytes = stored.read()
    except OSError as error:
        logger.exception("a model's file is not in the storage", extra={"model": sha256, "file": name})
        raise Unavailable("The scoring model is not in the storage.", code="model_missing") from error
    return content


def _copy(sha256: str, name: str, target: Path) -> None:
    content = _read(sha256, name)
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    (target / name).write_bytes(content)


def _settle(target: Path, place: Path) -> None:
    """Give what was fetched its name at once, whoever else is fetching the same."""
    try:
        os.replace(target, place)
    except OSError:
        # Somebody was faster, or a damaged copy stands there.
        if manifest_hash(place) == place.name:
            return
        shutil.rmtree(place, ignore_errors=True)
        os.replace(target, place)
