"""Uploads, parts and results with an S3 (moto's server) as the storage, and a worker that reads from it."""

from __future__ import annotations

import io
import os
import random
import tracemalloc

import boto3
import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from companies.connectors.tests.servers import aws
from predictions.models import ScoringJob
from predictions.tests.test_files import assert_accounted, finished, upload
from tenants.kernel.buckets import BucketStorage
from tenants.kernel.files import keep_file, remove_folder
from tests.faults.portfolios import ENDINGS, good_row, written
from tests.fixtures import OwnTenant
from tests.worker import Worker

BUCKET = "portfolios"
KEYS = {"STORAGE_ACCESS_KEY": "test", "STORAGE_SECRET_KEY": "test"}


@pytest.fixture(scope="module")
def store():
    with aws() as address:
        client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def bucket(store, settings):
    options = {
        "bucket_name": BUCKET,
        "endpoint_url": store.meta.endpoint_url,
        "addressing_style": "path",
        "region_name": "us-east-1",
        "access_key": "test",
        "secret_key": "test",
    }
    backend = {"BACKEND": "tenants.kernel.buckets.BucketStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    return store


def keys(store, prefix: str = "") -> list[str]:
    return [entry["Key"] for entry in store.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


@pytest.fixture
def bucket_worker(bucket, worker: Worker, monkeypatch):
    """A worker of its own that finds the bucket by its settings, as a machine elsewhere would."""
    worker.stop()
    for name, value in {
        "STORAGE_BUCKET": BUCKET, "STORAGE_ENDPOINT": bucket.meta.endpoint_url, **KEYS,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    own = Worker()
    own.start()
    yield own
    own.stop()


@pytest.mark.worker
def test_a_portfolio_goes_through_the_bucket(own_tenant: OwnTenant, bucket, bucket_worker: Worker):
    """Upload, cut, score, results, faulty rows, deletion: nothing is left in the bucket."""
    rows = [good_row(n) for n in range(230)]
    rows[17][5] = "word"
    schema = own_tenant.ref.schema_name
    for ending in ENDINGS:
        answer = upload(own_tenant.client, written(rows, ending), name=f"book.{ending}")
        assert answer.status_code == 202, answer.content
        job = finished(own_tenant.client, answer.json()["job_id"])
        assert_accounted(own_tenant, job)
        assert (job["successful_rows"], job["failed_rows"]) == (229, 1)
        assert f"{schema}/jobs/{job['id']}/upload.{ending}" in keys(bucket, schema)
        address = f"/api/v1/predictions/jobs/{job['id']}"
        results = b"".join(own_tenant.client.get(f"{address}/results.csv").streaming_content)
        assert results.count(b"\r\n") == 230
        faulty = b"".join(own_tenant.client.get(f"{address}/errors/sheet").streaming_content)
        assert b"S17" in faulty or ending == "xlsx"
        assert own_tenant.client.delete(address).status_code == 204
        assert keys(bucket, schema) == []


def test_a_bucket_that_is_away_is_said_and_leaves_no_job(own_tenant: OwnTenant, bucket, settings):
    options = {**settings.STORAGES["default"]["OPTIONS"], "endpoint_url": "http://127.0.0.1:9"}
    settings.STORAGES = {
        **settings.STORAGES, "default": {**settings.STORAGES["default"], "OPTIONS": options},
    }  # fmt: skip
    answer = upload(own_tenant.client, written([good_row(1)], "csv"))
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_failed")
    with own_tenant.within():
        assert not ScoringJob.objects.exists()


def test_reading_jumps_and_goes_on(bucket):
    content = random.Random(1).randbytes(5_000_000)  # noqa: S311 - noise, not a secret
    name = default_storage.save("reading/noise.bin", ContentFile(content))
    with default_storage.open(name, "rb") as file:
        assert file.size == len(content)
        assert file.read() == content
        for place, length in (
            (4_999_990, 100),
            (0, 10),
            (10, 3_000_000),
            (3_000_010, 5),
            (1, 0),
            (6_000_000, 9),
        ):
            file.seek(place)
            assert file.read(length) == content[place : place + length]
        file.seek(-7, os.SEEK_END)
        assert file.read() == content[-7:]
    with pytest.raises(FileNotFoundError):
        default_storage.open("reading/none.bin")
    assert not default_storage.exists("reading/none.bin")
    assert default_storage.save("reading/noise.bin", ContentFile(b"other")) != name, "nothing is replaced"
    remove_folder("reading")
    assert keys(bucket, "reading") == []


class Tape(io.RawIOBase):
    """A large file that is nowhere."""

    def __init__(self, size: int) -> None:
        self.size, self.place, self.longest = size, 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self.place = {0: 0, 1: self.place, 2: self.size}[whence] + offset
        return self.place

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer) -> int:
        length = min(len(buffer), self.size - self.place)
        buffer[:length] = b"x" * length
        self.place += length
        return length


def test_neither_way_holds_the_file(bucket):
    """100 MB up in parts and down in ranges, with a fraction of it in memory."""
    size = 100 << 20
    tracemalloc.start()
    name = keep_file("large/tape.bin", File(io.BufferedReader(Tape(size)), "tape.bin"))
    tag = bucket.head_object(Bucket=BUCKET, Key=name)
    assert (tag["ContentLength"], "-" in tag["ETag"]) == (size, True), "it came in parts"
    read = 0
    with default_storage.open(name, "rb") as file:
        while piece := file.read(1 << 20):
            read += len(piece)
    assert read == size
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 64 << 20
    default_storage.delete(name)


def test_the_settings_choose_the_storage():
    storage = BucketStorage(bucket_name="b", endpoint_url="https://store.test", addressing_style="path")
    assert storage.client_config.s3 == {"addressing_style": "path"}
    assert storage.client_config.retries["max_attempts"] > 1
    assert (storage.file_overwrite, storage.default_acl) == (False, None)
    assert "ContentEncoding" not in storage._get_write_parameters("a/upload.csv.gz")
