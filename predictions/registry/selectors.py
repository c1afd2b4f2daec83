"""The model that scores now: read once per process."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.core.cache import caches

from predictions.registry.models import ModelStatus, ModelVersion
from tenants.kernel.context import in_public
from tenants.kernel.errors import Unavailable

if TYPE_CHECKING:
    from ml.engine import Engine

logger = logging.getLogger(__name__)
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """The champion with its loaded engine."""

    id: UUID
    version: str
    sha256: str
    engine: Engine


@cache
def _engine(path: str, sha256: str) -> Engine:
    # The tree library takes more than a second to import: processes that never score do without it.
    from ml.engine import Engine
    from ml.persistence import ArtifactError

    try:
        engine = Engine.load(path)
    except ArtifactError as error:
        # Which file is wrong is the operator's to know, from the log.
        logger.error("the scoring model cannot be loaded", extra={"reason": str(error)})  # noqa: TRY400
        raise Unavailable("The scoring model cannot be loaded.", code="model_damaged") from None
    if engine.sha256 != sha256:
        raise Unavailable("The scoring model is not the one that was registered.", code="model_changed")
    return engine


def active_model() -> ActiveModel:
    """The champion. Which one it is, is asked every few seconds; its files are loaded once per process.

    Raises Unavailable where no model is registered, or other files lie there than those that were
    (``manage.py provision`` registers them).
    """
    cache_ = caches["directory"]
    champion = cache_.get("champion")
    if champion is None:
        with in_public():
            row = ModelVersion.objects.filter(status=ModelStatus.CHAMPION).first()
        if row is None:
            raise Unavailable("No scoring model is registered yet.", code="no_model")
        champion = (row.id, row.version, row.sha256, row.path)
        cache_.set("champion", champion, settings.DIRECTORY_SECONDS)
    identifier, version, sha256, path = champion
    with _loading:
        return ActiveModel(identifier, version, sha256, _engine(path, sha256))


def versions() -> dict[UUID, str]:
    """Names of all registered versions by id, for rows that show which model scored them."""
    cache_ = caches["directory"]
    known: dict[UUID, str] | None = cache_.get("model-versions")
    if known is None:
        with in_public():
            known = dict(ModelVersion.objects.values_list("id", "version"))
        cache_.set("model-versions", known, settings.DIRECTORY_SECONDS)
    return known


def forget() -> None:
    """Drop what the cache holds of the registry, after a promotion."""
    caches["directory"].delete_many(["champion", "model-versions"])
