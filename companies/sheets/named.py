"""Whether a file's name says what the file holds: one that was renamed was perhaps not meant."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final, Literal

from companies.sheets.errors import SheetError

Content = Literal["text", "workbook", "gzip", "parquet"]

_SAID: Final[dict[str, Content]] = {
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".xlsx": "workbook",
    ".xlsm": "workbook",
    ".gz": "gzip",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_HOLDS: Final[dict[Content, str]] = {
    "text": "text (.csv)",
    "workbook": "a workbook (.xlsx)",
    "gzip": "a packed file (.csv.gz)",
    "parquet": "a Parquet file (.parquet)",
}


def require_fitting_name(filename: str, found: Content) -> None:
    """SheetError where the ending of the name promises another format; other endings promise none."""
    ending = PurePosixPath(filename).suffix.lower()
    said = _SAID.get(ending)
    if said is not None and said != found:
        sentence = f"The name ends in {ending}, but the file holds {_HOLDS[found]}. Save or rename it."
        raise SheetError("content_mismatch", sentence)
