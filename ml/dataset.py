"""The development data: reading it, attaching each firm's earlier years, and shaping it as users' input."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ml.features import DEVELOPED_ITEMS, LINE_ITEMS, Array, Items

FILE = Path("us_listed") / "firm_years_1999_2015.csv.gz"
ALIASES = {"market_value": "market_cap", "total_revenue": "net_sales"}
HISTORY_YEARS = 4


@dataclass(frozen=True)
class FirmYears:
    """Firm-years in order: line items now and of the years before, the target, and what splits need."""

    items: Items
    years: tuple[Items, ...]
    company: np.ndarray[tuple[int], np.dtype[np.str_]]
    year: np.ndarray[tuple[int], np.dtype[np.int64]]
    default: Array
    digest: str
    years_to_default: Array | None = None
    """Fiscal years from each statement to a known bankruptcy, 1 = next year; NaN where none is known."""

    def __len__(self) -> int:
        return len(self.year)


def locate(path: str | Path) -> Path:
    """The development file: the path itself, or its place inside a data folder.

    Raises
    ------
    FileNotFoundError
        If neither exists.
    """
    for candidate in (Path(path), Path(path) / FILE, Path(path) / FILE.name):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"no development data at {path} (expected a file, or a folder with {FILE})")


def read(path: str | Path) -> FirmYears:
    """The development data as firm-years with up to four earlier years each."""
    file = locate(path)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return from_frame(pd.read_csv(file), digest)


def from_frame(frame: pd.DataFrame, digest: str = "") -> FirmYears:
    """Firm-years from a table with company_id, fiscal_year, line items and default_next_year."""
    table = frame.drop(columns=[c for c in ALIASES if c in frame and ALIASES[c] in frame])
    table = table.rename(columns=ALIASES).sort_values(["company_id", "fiscal_year"], kind="stable")
    table = table.reset_index(drop=True)
    items = {name: table[name].to_numpy(np.float64) for name in LINE_ITEMS if name in table}
    company = table["company_id"].astype(str).to_numpy(dtype=str)
    year = table["fiscal_year"].to_numpy(np.int64)
    return FirmYears(
        items=items,
        years=earlier_years(items, company, year),
        company=company,
        year=year,
        default=table["default_next_year"].to_numpy(np.float64),
        digest=digest,
        years_to_default=_optional(table, "years_to_default"),
    )


def _optional(table: pd.DataFrame, name: str) -> Array | None:
    return table[name].to_numpy(np.float64) if name in table else None


def earlier_years(items: Items, company: np.ndarray, year: np.ndarray) -> tuple[Items, ...]:
    """Line items of one to four fiscal years earlier, NaN where that year is not in the data."""
    place = {key: row for row, key in enumerate(zip(company.tolist(), year.tolist(), strict=True))}
    found = []
    for back in range(1, HISTORY_YEARS + 1):
        keys = zip(company.tolist(), (year - back).tolist(), strict=True)
        rows = np.array([place.get(key, -1) for key in keys], dtype=np.int64)
        known = rows >= 0
        found.append({name: np.where(known, values[rows], np.nan) for name, values in items.items()})
    return tuple(found)


DEVELOPED = DEVELOPED_ITEMS
