"""What benchmarks share: timing, a table with ratios, and figures for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "var" / "benchmarks"


def say(text: str = "") -> None:
    """A line for the person who watches."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def table(
    rows: Sequence[tuple[str, Sequence[float], str]], columns: Sequence[str], *, digits: int = 4
) -> str:
    """Rows of (what, one figure per column, unit); of two or more figures the ratio of last to first too."""
    ratios = len(columns) > 1
    cells = [["", *columns, *(["ratio"] if ratios else [])]]
    for what, figures, unit in rows:
        shown = [f"{figure:,.{digits}f} {unit}".rstrip() for figure in figures]
        shown += [""] * (len(columns) - len(figures))
        if ratios:
            shown.append(
                f"{figures[-1] / figures[0]:.2f}x" if len(figures) == len(columns) and figures[0] else ""
            )
        cells.append([what, *shown])
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            [
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(pairs)
            ]
        ).rstrip()
        for pairs in (list(zip(row, widths, strict=True)) for row in cells)
    )


def read(name: str) -> dict[str, float | int | str]:
    """The figures that are kept under a name; none where nothing was measured yet."""
    path = FOLDER / f"{name}.json"
    found: dict[str, float | int | str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def save(name: str, figures: Mapping[str, float | int | str], *, merged: bool = False) -> Path:
    """Write the figures as flat keys into ``var/benchmarks/NAME.json``; where they are now.

    ``merged`` keeps what other runs have measured beside them.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    kept = read(name) if merged else {}
    path.write_text(json.dumps({**kept, **figures}, indent=2) + "\n")
    return path
