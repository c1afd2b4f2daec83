"""Where progress is published: a channel for each tenant, and the last events for those who come back.

Publishing and keeping are one step in Redis. Nothing here can fail a job: progress that is not told now is
told by the next event, and whoever polls reads the tables.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from typing import Any
from uuid import UUID

from django.core.cache import caches
from django.db import transaction
from redis.exceptions import RedisError

from predictions.live.measuring import progress_of
from predictions.models import GOING, UNFINISHED, ScoringJob
from tenants.kernel.context import current_tenant

logger = logging.getLogger(__name__)
# A running job is told at most this often, whatever its chunks.
LEAST_MILLISECONDS = 250
# Events kept for those who come back, for a tenant, and for how long after the last.
KEPT = 500
KEPT_SECONDS = 3600

_PUBLISH = """
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'event', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', KEYS[2], id .. ' ' .. ARGV[1])
return id
"""


def channel_of(tenant_id: UUID) -> str:
    """The channel on which a tenant's progress is published."""
    return f"progress:{tenant_id}"


def log_of(tenant_id: UUID) -> str:
    """The key of the tenant's last events."""
    return f"progress-log:{tenant_id}"


def publish(job: ScoringJob) -> None:
    """Tell those who follow the job how far it is, once the transaction has committed.

    Between two chunks of a running job most calls tell nothing; the end of a job is always told.
    """
    tenant_id = current_tenant().id
    job_id, running = job.id, job.state in (*UNFINISHED, *GOING)

    def tell() -> None:
        try:
            client = _client()
            gate = f"progress-gate:{job_id}"
            if running and not client.set(gate, 1, nx=True, px=LEAST_MILLISECONDS):
                return
            event = json.dumps(progress_of(job))
            _script()(keys=[log_of(tenant_id), channel_of(tenant_id)], args=[event, KEPT, KEPT_SECONDS])
        except RedisError:
            logger.warning("redis is unreachable: progress is not told", extra={"job": str(job_id)})

    transaction.on_commit(tell, robust=True)


def _client() -> Any:
    return caches["directory"]._cache.get_client(None, write=True)  # type: ignore[attr-defined]


@cache
def _script() -> Any:
    return _client().register_script(_PUBLISH)
