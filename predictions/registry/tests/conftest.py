"""Versions to decide about: copies of the shipped model that differ in their name only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings

from predictions.registry import selectors, services
from tenants.kernel.request import SYSTEM


@pytest.fixture
def make_model(tmp_path):
    """A function that gives the folder of a whole model of its own hash."""

    def make(version: str) -> Path:
        folder = tmp_path / version
        shutil.copytree(settings.MODEL_PATH, folder)
        manifest = json.loads((folder / "model.json").read_bytes())
        manifest["version"] = version
        (folder / "model.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        for name in ("validation.json", "documents.json"):
            (folder / name).unlink(missing_ok=True)
        return folder

    return make


@pytest.fixture
def versions(people, make_model, settings, tmp_path):
    """Two candidates beside the shipped champion, on a machine and a storage of their own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MODEL_CACHE = str(tmp_path / "cache")
    selectors.forget()
    selectors._engines.clear()  # each test's files are its own
    found = [services.model_register(folder=make_model(f"9.{n}"), actor=SYSTEM) for n in (1, 2)]
    yield found
    selectors.forget()
