"""Tables and folders of own models in the storage."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import UUID

import pandas as pd
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from companies.sheets import Limits, open_sheet
from tenants.kernel.context import current_schema
from tenants.kernel.errors import Unavailable
from tenants.kernel.files import keep_file

if TYPE_CHECKING:
    from ml.own import OwnModel as Trained

# Loaded models that a process keeps.
_KEPT = 8


def folder(model_id: UUID) -> str:
    """Where a model's files lie in the storage."""
    return f"{current_schema()}/own_models/{model_id}"


def read_table(file: BinaryIO, name: str) -> pd.DataFrame:
    """The first table of a CSV or XLSX file, all cells as texts, indexed by row as a spreadsheet counts.

    Raises SheetError where the file is none.
    """
    sheet = open_sheet(file, name, Limits())
    width = len(sheet.columns)
    numbers, rows = [], []
    for number, cells in sheet.rows():
        numbers.append(number)
        rows.append(cells[:width] + [""] * (width - len(cells)))
    names = [column.strip() for column in sheet.columns]
    return pd.DataFrame(rows, index=numbers, columns=names, dtype="string")


def keep(place: str, model_folder: Path) -> None:
    """Put a model's folder into the storage."""
    for path in sorted(p for p in model_folder.rglob("*") if p.is_file()):
        target = f"{place}/model/{path.relative_to(model_folder).as_posix()}"
        if default_storage.exists(target):
            default_storage.delete(target)
        keep_file(target, ContentFile(path.read_bytes()))


def load(model_id: UUID, sha256: str) -> Trained:
    """The trained model, every hash checked; kept by the process.

    Raises Unavailable where its files are missing or altered.
    """
    return _load(folder(model_id), sha256)


@lru_cache(maxsize=_KEPT)
def _load(place: str, sha256: str) -> Trained:
    from ml.own import OwnModel as Trained  # the tree library takes a second to import
    from ml.persistence import ArtifactError

    with tempfile.TemporaryDirectory() as work:
        try:
            for name in default_storage.listdir(f"{place}/model")[1]:
                with default_storage.open(f"{place}/model/{name}", "rb") as stored:
                    (Path(work) / name).write_bytes(stored.read())
            model = Trained.load(Path(work))
        except (OSError, ArtifactError) as error:
            raise Unavailable("The model's files are missing or altered.", code="model_damaged") from error
    if model.sha256 != sha256:
        raise Unavailable("The model's files are not those that were trained.", code="model_changed")
    return model
