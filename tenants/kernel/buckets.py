"""Files in an S3-compatible bucket: written in parts, read in ranges, never held whole.

The library's own file downloads an object before the first byte is read. Here a reader asks for the range
that it needs, and goes on in one answer as long as it reads on. Whatever the bucket's client raises becomes
an OSError, as it would be on a disk, so that nobody above has to know where files are.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError

_PART_BYTES: Final = 8 << 20
_BUFFER_BYTES: Final = 1 << 20
_AT_ONCE: Final = 3
_ATTEMPTS: Final = 4
_ABSENT: Final = {"404", "NoSuchKey", "NotFound"}
_FULL: Final = {"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507"}


@contextmanager
def _as_disk(name: str) -> Iterator[None]:
    """What a bucket's client raises, as what a disk would raise."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _ABSENT:
            raise FileNotFoundError(errno.ENOENT, "There is no such file", name) from error
        if code in _FULL:
            raise OSError(errno.ENOSPC, "The bucket is full", name) from error
        raise OSError(errno.EIO, f"The bucket refused: {code}", name) from error
    except (BotoCoreError, HTTPError) as error:
        raise OSError(errno.EIO, "The bucket cannot be reached", name) from error


class _Ranges(io.RawIOBase):
    """An object, read where it is asked for."""

    def __init__(self, client: Any, bucket: str, key: str, size: int) -> None:
        self._client, self._bucket, self._key, self._size = client, bucket, key, size
        self._place = 0
        self._body: Any = None
        # Where the last read ended: who goes on from there reads a stretch, who jumps reads a piece.
        self._ended = -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._place)
        if wanted <= 0:
            return 0
        for left in reversed(range(_ATTEMPTS)):
            try:
                with _as_disk(self._key):
                    data = self._read(wanted)
                break
            except FileNotFoundError:
                raise
            except OSError:
                self._drop()
                if not left:
                    raise
        buffer[: len(data)] = data
        self._place += len(data)
        self._ended = self._place
        return len(data)

    def _read(self, wanted: int) -> bytes:
        if self._body is not None and self._ended == self._place:
            data: bytes = self._body.read(wanted)
            if data:
                return data
        reads_on = self._ended == self._place
        self._drop()
        last = "" if reads_on else str(self._place + wanted - 1)
        answer = self._client.get_object(
            Bucket=self._bucket, Key=self._key, Range=f"bytes={self._place}-{last}"
        )
        if not reads_on:
            whole: bytes = answer["Body"].read()
            return whole
        self._body = answer["Body"]
        data = self._body.read(wanted)
        if not data:
            raise OSError(errno.EIO, "The bucket sent less than it has", self._key)
        return data

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        self._drop()
        super().close()


def _in_parts() -> TransferConfig:
    """Parts that go at the same time, and no more of them waiting in memory."""
    config = TransferConfig(
        multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, max_concurrency=_AT_ONCE
    )
    config.max_in_memory_upload_chunks = _AT_ONCE
    return config


class BucketStorage(S3Storage):
    """Django's default storage in a bucket. What is stored is private and never replaced."""

    client_config: Any

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.client_config = self.client_config.merge(
            Config(
                retries={"max_attempts": _ATTEMPTS, "mode": "standard"},
                connect_timeout=5,
                read_timeout=60,
                max_pool_connections=20,
                # Stores other than Amazon's do not know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
        )

    def get_default_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = super().get_default_settings()
        return {
            **settings,
            "file_overwrite": False,
            "default_acl": None,
            "max_memory_size": _PART_BYTES,
            "transfer_config": _in_parts(),
        }

    def _get_write_parameters(self, name: str, content: Any = None) -> dict[str, Any]:
        parameters: dict[str, Any] = super()._get_write_parameters(name, content)
        # A packed file is kept as it came: nobody may unpack it on the way.
        parameters.pop("ContentEncoding", None)
        parameters["ContentType"] = self.default_content_type
        return parameters

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        if mode != "rb":
            raise ValueError("Files of a bucket are opened for reading; save() writes them.")
        size = self.size(name)
        raw = _Ranges(self.connection.meta.client, self.bucket_name, self._normalize_name(name), size)
        file: File[Any] = File(io.BufferedReader(raw, _BUFFER_BYTES), name=name)
        file.size = size  # type: ignore[misc]
        return file

    def _save(self, name: str, content: Any) -> str:
        with _as_disk(name):
            saved: str = super()._save(name, content)
        return saved

    def delete(self, name: str) -> None:
        with _as_disk(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with _as_disk(name):
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with _as_disk(name):
            folders, files = super().listdir(name)
        return folders, files

    def size(self, name: str) -> int:
        with _as_disk(name):
            return int(super().size(name))
