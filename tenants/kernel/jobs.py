"""How work leaves the request: by name, after commit, with its reach attached.

A message carries the stamp ``reach``: the tenant's schema, the organizations and the actor. Signals
enter that reach before the task and leave it after (chord callbacks are published between the two, so
overriding ``Task.__call__`` alone would be too narrow). A task without the stamp refuses to run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from threading import Lock
from typing import Any
from uuid import UUID

from celery import Task, current_app
from celery.exceptions import Ignore
from celery.signals import task_postrun, task_prerun
from django.db import InterfaceError, OperationalError, transaction

from tenants.kernel import request, scope
from tenants.kernel.context import PUBLIC, TenantRef, current_schema, in_tenant, leave_all
from tenants.kernel.errors import ScopeMissing
from tenants.kernel.request import Actor, RequestInfo

HEADER = "reach"
logger = logging.getLogger(__name__)


_finding = Lock()
# Seconds until a task that found no database looks again, and how often it does.
_AWAY_SECONDS = 5
_FOR_EVER = 1_000_000


def enqueue(
    name: str,
    *,
    actor: Actor,
    queue: str | None = None,
    priority: int = 5,
    robust: bool = False,
    after: int | None = None,
    **ids: str,
) -> None:
    """Run task ``name`` once the current transaction commits.

    It runs in the caller's tenant and sees no more organizations than the caller did. ``ids`` are
    identifiers, never objects. Priority 0 is the most urgent, 9 the least. With
    ``robust`` a broker that cannot be reached is logged and does not fail the caller: for what a sweep sends
    again, or what may rather be missing than fail its cause. A worker begins ``after`` so many seconds.
    """
    task = _task(name)
    if isinstance(task, PlatformTask):
        stamp: dict[str, Any] = {"schema": PUBLIC}
    else:
        reach = scope.current()
        ids_in_scope = reach.organization_ids
        stamp = {
            "schema": current_schema(),
            "organizations": None if ids_in_scope is None else sorted(str(i) for i in ids_in_scope),
            "reason": reach.reason,
        }
    stamp |= {
        "actor": [str(actor.user_id) if actor.user_id else None, actor.label],
        "request_id": request.current().request_id,
    }
    options: dict[str, Any] = {"headers": {HEADER: stamp}, "priority": priority}
    if queue:
        options["queue"] = queue
    if after is not None:
        options["countdown"] = after
    transaction.on_commit(lambda: task.apply_async(kwargs=ids, **options), robust=robust)


def _task(name: str) -> Task:
    if name not in current_app.tasks:
        # Found once and in one thread: a second one would go on while the first still looks for them.
        with _finding:
            current_app.loader.import_default_modules()
    return current_app.tasks[name]  # a misspelt name fails here, in the request


def stamp_of(task: Task) -> dict[str, Any] | None:
    """The reach that the message carries, wherever this Celery version put the header."""
    headers = task.request.headers or {}
    stamp = headers.get(HEADER) or task.request.get(HEADER)
    return stamp if isinstance(stamp, dict) else None


class TenantTask(Task):  # type: ignore[misc]
    """Base of every task over a tenant's rows: no reach, no run."""

    abstract = True
    # Seconds before a failed attempt is made again; doubled each time.
    default_retry_delay = 2

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if getattr(self.request, "tenant_suspended", False):
            raise Ignore
        if (away := getattr(self.request, "database_away", None)) is not None:
            # Nothing has begun, so nothing is given up, however long it takes.
            raise self.retry(exc=away, countdown=_AWAY_SECONDS, max_retries=_FOR_EVER)
        if not getattr(self.request, "entered_reach", False) or current_schema() == PUBLIC:
            raise ScopeMissing(f"{self.name} was sent without its reach; use tenants.kernel.jobs.enqueue")
        return super().__call__(*args, **kwargs)

    @property
    def actor(self) -> Actor:
        """Who caused the work."""
        user_id, label = (stamp_of(self) or {}).get("actor") or [None, "system"]
        return Actor(UUID(user_id) if user_id else None, label)

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is for good."""
        return self.max_retries is not None and bool(self.request.retries >= self.max_retries)

    def again(self, error: Exception) -> Exception:
        """The retry after an unexpected failure; after the last attempt the failure itself."""
        pause = self.default_retry_delay * 2**self.request.retries
        retry: Exception = self.retry(exc=error, countdown=pause)
        return retry


class PlatformTask(Task):  # type: ignore[misc]
    """Base of tasks that start in public and may only open doors (beat starts these alone)."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current_schema() != PUBLIC or scope.is_active():
            raise ScopeMissing(f"{self.name} is a platform task and starts in public")
        return super().__call__(*args, **kwargs)


def each_tenant(tenants: Iterable[TenantRef], work: Callable[[TenantRef], int]) -> Iterator[int]:
    """What the work gives for each tenant; one that fails is logged and does not stop the others."""
    for tenant in tenants:
        try:
            yield work(tenant)
        except Exception:  # a tenant deleted meanwhile, or with a failed migration
            logger.exception("a task failed for one tenant", extra={"tenant": tenant.schema_name})


@task_prerun.connect
def _enter(task: Any = None, **_: Any) -> None:
    stamp = stamp_of(task) or {}
    request_id = str(stamp.get("request_id") or "")
    request.remember(RequestInfo(request_id=request_id, address=None, via="task"))
    if not isinstance(task, TenantTask) or stamp.get("schema") in {None, PUBLIC}:
        return
    try:
        _open_doors(task, stamp)
    except (OperationalError, InterfaceError) as error:
        # Raised here it would be logged, and the task begun: the task has to say it itself.
        task.request.database_away = error


def _open_doors(task: Any, stamp: dict[str, Any]) -> None:
    # The kernel is imported before models exist.
    from tenants.selectors import organization_ids, tenant_by_schema

    tenant = tenant_by_schema(stamp["schema"])
    if tenant.state != "active":
        # Nothing is done for a suspended tenant; its jobs are taken up again when it is restored.
        task.request.tenant_suspended = True
        return
    doors = ExitStack()
    task.request.doors = doors
    doors.enter_context(in_tenant(tenant))
    reason = f"task {task.name} for {stamp['reason']}"
    if stamp["organizations"] is None:
        doors.enter_context(scope.every_organization(reason=reason))
    else:
        sent_for = frozenset(UUID(i) for i in stamp["organizations"])
        reach = sent_for & organization_ids(tenant.id, {"active"})
        if sent_for and not reach:
            # Nothing is done for an organization that is not active, either.
            task.request.tenant_suspended = True
            doors.close()
            return
        doors.enter_context(scope.organizations(reach, reason=reason))
    task.request.entered_reach = True


@task_postrun.connect
def _leave(task: Any = None, **_: Any) -> None:
    doors = getattr(task.request, "doors", None)
    if doors is not None:
        doors.close()
    request.remember(None)
    leave_all()
