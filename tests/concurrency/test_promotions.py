"""Two people decide about models at the same moment."""

from __future__ import annotations

import json
import shutil

import pytest
from django.conf import settings

from predictions.registry import selectors, services
from predictions.registry.models import ModelEvent, ModelStatus, ModelVersion
from tenants.kernel.errors import Conflict
from tenants.kernel.request import SYSTEM
from tests.concurrency.test_refresh import in_parallel


@pytest.fixture
def rivals(world, django_db_blocker, tmp_path):
    """Two committed candidates; what scored before scores again afterwards."""
    with django_db_blocker.unblock():
        before = selectors.champion()
        rows = []
        for version in ("race-1", "race-2"):
            folder = tmp_path / version
            shutil.copytree(settings.MODEL_PATH, folder)
            manifest = json.loads((folder / "model.json").read_bytes())
            (folder / "model.json").write_text(json.dumps({**manifest, "version": version}))
            (folder / "documents.json").unlink(missing_ok=True)
            rows.append(services.model_register(folder=folder, actor=SYSTEM))
        try:
            yield before, rows
        finally:
            mine = [row.id for row in rows]
            ModelEvent.objects.exclude(verb="registered", version_id=before.id).filter(
                at__gte=rows[0].created_at
            )._raw_delete("default")
            ModelVersion.objects.filter(id__in=mine).delete()
            ModelVersion.objects.filter(id=before.id).update(status=ModelStatus.CHAMPION)
            selectors.forget()


def test_of_two_promotions_that_saw_the_same_champion_one_wins(rivals):
    before, rows = rivals

    def promote(number):
        try:
            services.model_promote(
                version_id=rows[number].id, reason="Race.", replaces=before.id, actor=SYSTEM
            )
        except Conflict as refusal:
            return refusal.code
        return "done"

    assert sorted(in_parallel(2, promote)) == ["champion_changed", "done"]
    assert ModelVersion.objects.filter(status=ModelStatus.CHAMPION).count() == 1
    winner = ModelVersion.objects.get(status=ModelStatus.CHAMPION)
    assert selectors.champion().id == winner.id


def test_of_two_steps_back_one_is_taken(rivals):
    before, rows = rivals
    for row in rows:
        services.model_promote(version_id=row.id, reason="Race.", actor=SYSTEM)

    def back(_):
        try:
            return services.model_rollback(reason="Race.", actor=SYSTEM).version
        except Conflict as refusal:
            return refusal.code

    outcomes = in_parallel(2, back)
    # One after the other they would be two steps; at once, the second finds another champion.
    assert "race-1" in outcomes
    assert ModelVersion.objects.filter(status=ModelStatus.CHAMPION).count() == 1
