"""Registering model versions and choosing the one that scores."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from predictions.registry import selectors
from predictions.registry.models import ModelStatus, ModelVersion
from tenants.kernel import audit
from tenants.kernel.context import in_public
from tenants.kernel.request import Actor


@transaction.atomic
def shipped_model_register(*, actor: Actor) -> ModelVersion:
    """Make the model at MODEL_PATH the champion; its hashes are checked on the way. Idempotent."""
    from ml.engine import Engine  # takes more than a second, see predictions.registry.selectors

    engine = Engine.load(settings.MODEL_PATH)
    with in_public():
        version = ModelVersion.objects.filter(sha256=engine.sha256).first()
        same_place = version is not None and version.path == str(settings.MODEL_PATH)
        if version is not None and same_place and version.status == ModelStatus.CHAMPION:
            return version
        ModelVersion.objects.filter(status=ModelStatus.CHAMPION).update(status=ModelStatus.RETIRED)
        if version is None:
            version = ModelVersion(sha256=engine.sha256)
        version.name, version.version, version.card = engine.name, engine.version, dict(engine.manifest)
        version.path, version.status = str(settings.MODEL_PATH), ModelStatus.CHAMPION
        version.save()
        audit.record("registry.model_version.promoted", on=version, actor=actor)
    transaction.on_commit(selectors.forget)
    return version
