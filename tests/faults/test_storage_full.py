"""A disk that fills up half way through a file: said clearly, nothing left behind, nothing half done."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import FileSystemStorage

from organizations.models import IdempotencyRecord
from predictions.dry_runs.models import DryRun
from predictions.exporting.tasks import make_export
from predictions.models import JobChunk, Score, ScoringJob
from predictions.services import chunks, cutting, jobs
from predictions.tests.test_files import assert_accounted, upload
from tenants.kernel.errors import StorageFull
from tenants.kernel.request import SYSTEM
from tests.faults.portfolios import as_csv, good_row
from tests.fixtures import OwnTenant

ROWS = [good_row(n) for n in range(1050)]


class FillingDisk(FileSystemStorage):
    """A disk with room for so many files; the next one breaks off in the middle."""

    room = 0

    def _save(self, name, content):
        if FillingDisk.room > 0:
            FillingDisk.room -= 1
            return super()._save(name, content)
        full = Path(self.path(name))
        full.parent.mkdir(parents=True, exist_ok=True)
        data = content.read()
        full.write_bytes(data[: len(data) // 2] if isinstance(data, bytes) else b"")
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def filling_disk(settings):
    here = f"{__name__}.FillingDisk"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": here}}
    yield FillingDisk
    FillingDisk.room = 0


def files_of(own: OwnTenant) -> list[str]:
    place = Path(django_settings.MEDIA_ROOT) / own.ref.schema_name / "jobs"
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*")) if place.exists() else []


@pytest.mark.worker
def test_an_upload_that_does_not_fit(own_tenant: OwnTenant, filling_disk, nobody_works):
    headers = {"HTTP_IDEMPOTENCY_KEY": "full-disk"}
    answer = upload(own_tenant.client, as_csv(ROWS), **headers)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert "room" in answer.json()["detail"]
    assert files_of(own_tenant) == []
    with own_tenant.within():
        assert not ScoringJob.objects.exists()
        assert not IdempotencyRecord.objects.filter(key="full-disk").exists(), "the key is free again"
    filling_disk.room = 1
    assert upload(own_tenant.client, as_csv(ROWS), **headers).status_code == 202


@pytest.mark.worker
def test_parts_that_do_not_fit_leave_the_job_to_go_on(own_tenant: OwnTenant, filling_disk, nobody_works):
    """The third part breaks off: no chunk points to nothing, no file stays without its chunk."""
    filling_disk.room = 1
    job_id = upload(own_tenant.client, as_csv(ROWS)).json()["job_id"]
    filling_disk.room = 2
    with own_tenant.within():
        with pytest.raises(StorageFull):
            cutting.job_plan(job_id=job_id, actor=SYSTEM)
        job = ScoringJob.objects.get(id=job_id)
        assert (job.planned_at, job.state) == (None, "pending")
        assert not JobChunk.objects.filter(job=job_id).exists()
        assert files_of(own_tenant) == [job_id, f"{job_id}/upload.csv"]
        filling_disk.room = 100
        cutting.job_plan(job_id=job_id, actor=SYSTEM)
        for chunk in JobChunk.objects.filter(job=job_id):
            chunks.chunk_score(chunk_id=chunk.id)
        jobs.job_advance(job_id=job_id, actor=SYSTEM)
    done = own_tenant.client.get(f"/api/v1/predictions/jobs/{job_id}").json()
    assert_accounted(own_tenant, done)
    assert done["successful_rows"] == len(ROWS)


@pytest.mark.worker
def test_a_job_whose_parts_never_fit_says_so(own_tenant: OwnTenant, filling_disk, nobody_works, monkeypatch):
    from predictions import tasks

    filling_disk.room = 1
    job_id = upload(own_tenant.client, as_csv(ROWS)).json()["job_id"]
    with own_tenant.within():
        task = tasks.plan_job
        monkeypatch.setattr(task.__class__, "max_retries", 0)
        monkeypatch.setattr(task.__class__, "actor", SYSTEM)
        with pytest.raises(StorageFull):
            task.run(job_id=job_id)
        job = ScoringJob.objects.get(id=job_id)
        assert job.state == "failed"
        assert "no room" in job.error_message
        assert not Score.objects.filter(job=job_id).exists()
    assert files_of(own_tenant) == [job_id, f"{job_id}/upload.csv"]
    assert own_tenant.client.delete(f"/api/v1/predictions/jobs/{job_id}").status_code == 204
    assert files_of(own_tenant) == []


@pytest.mark.worker
def test_the_same_upload_twice_with_one_key_is_one_job(own_tenant: OwnTenant, nobody_works):
    headers = {"HTTP_IDEMPOTENCY_KEY": "once"}
    first, second = (upload(own_tenant.client, as_csv(ROWS), **headers) for _ in range(2))
    assert first.json()["job_id"] == second.json()["job_id"]
    assert second["Idempotency-Replayed"] == "true"
    other = upload(own_tenant.client, as_csv(ROWS[:-1]), **headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    with own_tenant.within():
        assert ScoringJob.objects.count() == 1
    assert [name for name in files_of(own_tenant) if name.endswith(".csv")] == [
        f"{first.json()['job_id']}/upload.csv"
    ]


@pytest.mark.worker
def test_a_dry_run_without_room_for_its_findings_leaves_nothing(
    own_tenant: OwnTenant, filling_disk, nobody_works
):
    filling_disk.room = 1
    file = io.BytesIO(as_csv(ROWS))
    file.name = "portfolio.csv"
    answer = own_tenant.client.post("/api/v1/predictions/dry-runs", {"file": file}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    with own_tenant.within():
        assert not DryRun.objects.exists()
    assert files_of(own_tenant) == []


@pytest.mark.worker
def test_a_list_that_does_not_fit_fails_with_a_sentence_and_leaves_no_half_file(
    own_tenant: OwnTenant, filling_disk, nobody_works
):
    asked = {"list": "companies", "type": "csv"}
    identifier = own_tenant.client.post("/api/v1/exports", asked, format="json").json()["id"]
    with own_tenant.within():
        make_export.run(export_id=identifier)
    shown = own_tenant.client.get(f"/api/v1/exports/{identifier}").json()
    assert shown["state"] == "failed"
    assert "no room" in shown["error_message"]
    place = Path(django_settings.MEDIA_ROOT) / own_tenant.ref.schema_name
    assert not [path for path in place.rglob("*") if path.is_file()]
