"""The models that score: which ones they are, asked often; their files, read once per process.

A promotion becomes known to every process at its next score, because it drops the shared cache; a process
that was just reading the old row may go on with it for DIRECTORY_SECONDS at most. Nothing is restarted.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.cache import caches

from predictions.registry import artefacts
from predictions.registry.models import ModelStatus, ModelVersion, PromotionRequest, RequestState
from tenants.kernel.context import in_public
from tenants.kernel.errors import Absent, Unavailable

if TYPE_CHECKING:
    from ml.engine import Engine

logger = logging.getLogger(__name__)
KEYS = ("models-in-use", "model-versions")
# Engines kept in memory: champion, challenger, and the champion before, for jobs that began on it.
ENGINES = 3
_guard = threading.Lock()
_engines: OrderedDict[str, Engine] = OrderedDict()
_loading: dict[str, threading.Lock] = {}


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A version by name, without its files."""

    id: UUID
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """A version with its loaded engine."""

    id: UUID
    version: str
    sha256: str
    engine: Engine


@dataclass(frozen=True, slots=True)
class InUse:
    """The version that scores and, if there is one, the version that scores in its shadow."""

    champion: ModelRef | None
    challenger: ModelRef | None


def engine_of(sha256: str) -> Engine:
    """The engine of a version, loaded at most once per process; the least used one makes room."""
    with _guard:
        if sha256 in _engines:
            _engines.move_to_end(sha256)
            return _engines[sha256]
        lock = _loading.setdefault(sha256, threading.Lock())
    with lock:
        with _guard:
            if sha256 in _engines:
                return _engines[sha256]
        engine = _load(sha256)
        with _guard:
            _engines[sha256] = engine
            while len(_engines) > ENGINES:
                _engines.popitem(last=False)
            _loading.pop(sha256, None)
        return engine


def _load(sha256: str) -> Engine:
    # The tree library takes more than a second to import: processes that never score do without it.
    from ml.engine import Engine
    from ml.persistence import ArtifactError

    for attempt in (1, 2):
        folder = artefacts.local(sha256)
        try:
            engine = Engine.load(folder, device=settings.MODEL_DEVICE)
        except ArtifactError as error:
            # Which file is wrong is the operator's to know, from the log.
            logger.error("the scoring model cannot be loaded", extra={"reason": str(error)})  # noqa: TRY400
        else:
            if engine.sha256 == sha256:
                # Trees and libraries stay for good: a collector that walks them at every turn costs a score
                # of thousands of rows a tenth of its time.
                gc.collect()
                gc.freeze()
                return engine
        if attempt == 1:
            artefacts.forget(sha256)  # a copy on this disk may be damaged, the stored one whole
    raise Unavailable("The scoring model cannot be loaded.", code="model_damaged")


_NAMED = ("status", "version", "sha256")


def in_use() -> InUse:
    """Champion and challenger, from the cache of seconds."""
    cache = caches["directory"]
    found: InUse | None = cache.get(KEYS[0])
    if found is None:
        with in_public():
            rows = ModelVersion.objects.filter(status__in=(ModelStatus.CHAMPION, ModelStatus.CHALLENGER))
            refs = {row.status: ModelRef(row.id, row.version, row.sha256) for row in rows.only(*_NAMED)}
        found = InUse(refs.get(ModelStatus.CHAMPION), refs.get(ModelStatus.CHALLENGER))
        cache.set(KEYS[0], found, settings.DIRECTORY_SECONDS)
    return found


def champion() -> ModelRef:
    """The version that scores. Raises Unavailable where none is registered (``manage.py provision`` does)."""
    found = in_use().champion
    if found is None:
        raise Unavailable("No scoring model is registered yet.", code="no_model")
    return found


def active_model() -> ActiveModel:
    """The champion with its engine."""
    return loaded(champion())


def loaded(ref: ModelRef) -> ActiveModel:
    """A version with its engine; raises Unavailable where its files are gone or damaged."""
    return ActiveModel(ref.id, ref.version, ref.sha256, engine_of(ref.sha256))


def model_at(version_id: UUID | None) -> ActiveModel:
    """The version that a job was planned with, the champion where it names none."""
    if version_id is None:
        return active_model()
    # Its version is settled: it goes on whoever is champion meanwhile, or nobody.
    now = in_use().champion
    if now is not None and now.id == version_id:
        return loaded(now)
    with in_public():
        row = ModelVersion.objects.filter(id=version_id).values_list("id", "version", "sha256").first()
    if row is None:
        raise Unavailable("The scoring model of this job is not registered any more.", code="no_model")
    return loaded(ModelRef(*row))


def versions() -> dict[UUID, str]:
    """Names of all registered versions by id, for rows that show which model scored them."""
    cache_ = caches["directory"]
    known: dict[UUID, str] | None = cache_.get(KEYS[1])
    if known is None:
        with in_public():
            known = dict(ModelVersion.objects.values_list("id", "version"))
        cache_.set(KEYS[1], known, settings.DIRECTORY_SECONDS)
    return known


def forget() -> None:
    """Drop what the cache holds of the registry, after a promotion."""
    caches["directory"].delete_many(list(KEYS))


def version_get(key: str) -> ModelVersion:
    """A version by id, by the words ``champion`` or ``challenger``, or by the start of its hash.

    Raises Absent.
    """
    rows = ModelVersion.objects.all()
    with in_public():
        if key in (ModelStatus.CHAMPION, ModelStatus.CHALLENGER):
            found = rows.filter(status=key).first()
        else:
            found = _by_id_or_hash(key)
    if found is None:
        raise Absent()
    return found


def _by_id_or_hash(key: str) -> ModelVersion | None:
    try:
        return ModelVersion.objects.filter(id=UUID(key)).first()
    except ValueError:
        pass
    if len(key) < 8:
        return None
    matching = list(ModelVersion.objects.filter(sha256__startswith=key.lower())[:2])
    return matching[0] if len(matching) == 1 else None


def pending_request(version: ModelVersion) -> PromotionRequest | None:
    """The promotion of this version that waits for a second person."""
    with in_public():
        return PromotionRequest.objects.filter(version=version, state=RequestState.PENDING).first()


def metrics_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """The figures of a manifest that a list of versions shows, by input shape."""
    wanted = ("auc", "auc_low", "auc_high", "accuracy_ratio", "ks", "brier", "recall_worst_tenth",
              "mean_pd", "default_rate", "rejected_deciles")  # fmt: skip
    found = {}
    for name, shape in manifest.get("shapes", {}).items():
        measured = shape.get("metrics", {}).get("report", {}).get("ensemble", {})
        found[name] = {key: measured[key] for key in wanted if key in measured}
    return found
