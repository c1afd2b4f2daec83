"""Processes and servers killed in the middle of a job: nothing is lost or doubled, and the job says so."""

from __future__ import annotations

import os
import signal
import time

import pytest

from predictions.tests.test_files import HEADER, good_rows
from tests.faults.stage import Stage, stage

__all__ = ["stage"]

pytestmark = [pytest.mark.fault, pytest.mark.slow]
ROWS = 12_000


@pytest.fixture
def begun(stage: Stage, request: pytest.FixtureRequest) -> str:
    """A job in its middle, of companies that no other job has."""
    place = sorted(TESTS).index(request.function.__name__)
    job_id = stage.upload(HEADER + good_rows(ROWS, first=place * 100_000))
    stage.under_way(job_id)
    return job_id


def test_a_child_of_the_worker(stage: Stage, begun: str):
    worker = stage.processes["worker"]
    os.kill(worker.children()[0], signal.SIGKILL)
    stage.finish(begun)
    assert worker.alive
    stage.assert_true(begun, rows=ROWS)


def test_the_whole_worker(stage: Stage, begun: str):
    stage.processes["worker"].signal(signal.SIGKILL)
    stage.finish(begun)
    stage.assert_true(begun, rows=ROWS)


def test_redis_with_its_data(stage: Stage, begun: str):
    with stage.redis_killed(lose_data=False):
        pass
    stage.finish(begun)
    stage.assert_true(begun, rows=ROWS)


def test_redis_and_its_data(stage: Stage, begun: str):
    with stage.redis_killed(lose_data=True):
        pass
    stage.finish(begun)
    stage.assert_true(begun, rows=ROWS)


def test_an_upload_while_redis_is_away(stage: Stage):
    """It is taken, although nobody can be told to cut it."""
    place = sorted(TESTS).index("test_an_upload_while_redis_is_away")
    with stage.redis_killed(lose_data=False):
        job_id = stage.upload(HEADER + good_rows(500, first=place * 100_000))
    stage.finish(job_id)
    stage.assert_true(job_id, rows=500)


def test_postgresql(stage: Stage, begun: str):
    with stage.postgres_killed():
        pass
    stage.finish(begun)
    stage.assert_true(begun, rows=ROWS)


def test_postgresql_for_longer(stage: Stage, begun: str):
    """Messages that come meanwhile wait for it, as do the pools of those that run."""
    with stage.postgres_killed():
        time.sleep(40)
    stage.finish(begun)
    stage.assert_true(begun, rows=ROWS)


def test_the_web_process_in_mid_upload(stage: Stage):
    jobs = "SELECT count(*) FROM predictions_scoringjob"
    before = stage.count(jobs), folders(stage)
    line = stage.half_an_upload(HEADER + good_rows(60_000))
    # Half of it is there: a part of the upload lies in the folder for uploads.
    stage.wait(lambda: any((stage.place / "uploads").iterdir()), "the upload to be under way", seconds=20)
    stage.processes["web"].signal(signal.SIGKILL)
    line.close()
    stage.tend()
    stage.wait(stage.answers, "the web process to be back")
    assert (stage.count(jobs), folders(stage)) == before
    place = sorted(TESTS).index("test_the_web_process_in_mid_upload")
    whole = stage.upload(HEADER + good_rows(500, first=place * 100_000))
    stage.finish(whole)
    stage.assert_true(whole, rows=500)


def test_two_workers_are_handed_the_same_chunks(stage: Stage, begun: str):
    """As if every message had been lost, again and again: what is being scored is sent once more."""
    again = (
        "UPDATE predictions_jobchunk SET sent_at = NULL "
        "WHERE job_id = %s AND done_at IS NULL AND sent_at IS NOT NULL"
    )
    sent_twice = 0

    def lost_again() -> bool:
        nonlocal sent_twice
        sent_twice += stage.run(again, begun)
        return sent_twice > 20

    stage.wait(lost_again, "chunks to be sent twice")
    stage.finish(begun)
    stage.assert_true(begun, rows=ROWS)


@pytest.mark.parametrize("hours", [-24, 24], ids=["back", "ahead"])
def test_the_clock_is_moved(stage: Stage, hours: int):
    """Marks of before say that a lost chunk was sent tomorrow, or yesterday."""
    place = 50 + hours // 24
    job_id = stage.upload(HEADER + good_rows(ROWS, first=place * 100_000))
    stage.under_way(job_id)
    stage.processes["worker"].signal(signal.SIGKILL)
    # A clock that goes back leaves marks in the future, and the other way round.
    moved = f"interval '{-hours} hours'"
    stage.run(f"UPDATE predictions_jobchunk SET sent_at = sent_at + {moved} WHERE job_id = %s", job_id)
    stage.run(f"UPDATE public.tenants_jobticket SET heartbeat = heartbeat + {moved} WHERE id = %s", job_id)
    stage.finish(job_id)
    stage.assert_true(job_id, rows=ROWS)


def folders(stage: Stage) -> list[str]:
    return sorted(path.name for path in (stage.place / "media").glob("*/jobs/*"))


TESTS = [name for name in dir() if name.startswith("test_")]
