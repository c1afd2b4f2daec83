"""The command `python -m ml.score`."""

from __future__ import annotations

import argparse
import gzip
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

import numpy as np
import pandas as pd

from ml.categories import DEFAULT_CUTOFFS, categorise
from ml.device import DEVICES
from ml.engine import Engine
from ml.masterscale import default_scale
from ml.persistence import ArtifactError
from ml.score.reading import FileError, Sheet, read
from ml.score.scoring import Part, Wish, parts
from ml.shapes import MEMBERS, NO_SHAPE, SHAPES
from ml.term import YEARS

UNITS = {"units": 1e-6, "thousands": 1e-3, "millions": 1.0}
_SHOWN_FAULTS = 20

HELP = """\
Score the companies of a CSV with the shipped model, offline.

INPUT has one row for each company and period, in any order, several periods a company:
  company_id (or company_symbol, symbol) and fiscal_year (or reporting_year), and any of
  - line items, in USD millions unless --unit says otherwise: total_assets, total_liabilities, net_income,
    ebit, ebitda, net_sales (or total_revenue), current_assets, market_value (or market_cap), ...
  - annual ratios: long_term_debt_to_total_capital, total_debt_to_ebitda, net_income_margin,
    ebit_to_interest_expense, return_on_assets (25.5 means 25.5 %)
  - quarterly ratios: total_debt_to_ebitda, sga_margin, long_term_debt_to_total_capital, return_on_capital,
    with fiscal_quarter (or reporting_quarter) as 1 to 4 or Q1 to Q4
Columns of other names are ignored and named; so are default_next_year and years_to_default.
Commas, semicolons, tabs and bars separate; .gz is unpacked; "-" is standard input.

Each row is scored in the richest shape that its inputs allow: statement_market, statement, annual_ratios or
quarterly_ratios. Earlier rows of the same company in the file are its history (a missing year stays missing).
Empty cells are missing, never zero. A cell that is no number is taken as missing and named, by row and
column, on standard error and in the column `error`. No row is lost: what cannot be scored has an empty pd."""

EPILOG = """\
columns written, in the order of the input:
  company_id, fiscal_year[, fiscal_quarter]
  pd                  one-year probability of default (after --floor)
  pd_raw              before the floor
  pd_low, pd_high     90 % interval
  category, grade     by the default cut-offs (3 %, 7 %, 15 %) and the default master scale
  random_forest, gradient_boosting, logistic     the members' PDs
  confidence, confidence_level, reasons          0 to 1, its level, machine-readable reasons (;)
  shape               which inputs the score rests on; "none" where there was nothing
  missing_inputs      inputs of that shape that are not known (;)
  flags               what else is to be known of the row: duplicate_period, bad_cell, out_of_range:... (;)
  pd_2y ... pd_5y     with --term: cumulative PD within 2 to 5 years (pd is that of one year)
  drivers             with --drivers: the strongest reasons in words ( | )
  error               what is wrong with the row's cells, or why it has no PD

exit code: 0 written; 1 nothing written, the reason on standard error; 2 wrong arguments;
           3 (only with --strict) written, but some cell was bad or some row has no PD

examples:
  python -m ml.score statements.csv --output scores.csv
  python -m ml.score statements.csv.gz --without-market --term --output scores.csv.gz
  python -m ml.score sheet.csv --shape annual_ratios | head"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ml.score",
        description=HELP,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("input", metavar="INPUT", help="the CSV to score, or - for standard input")
    parser.add_argument("-o", "--output", help="file to write (.gz is packed); standard output by default")
    parser.add_argument("--kind", choices=("auto", "annual", "quarterly"), default="auto",
                        help="auto: quarterly if there are quarters and no annual ratio")  # fmt: skip
    parser.add_argument("--shape", choices=tuple(SHAPES), help="use this shape only (default: the richest)")
    parser.add_argument("--without-market", action="store_true", help="act as if no market value were known")
    parser.add_argument("--unit", choices=tuple(UNITS), default="millions", help="of the line items, USD")
    parser.add_argument("--floor", type=_floor, help="least PD given out, such as 0.0003 (default: none)")
    parser.add_argument("--as-of", type=int, metavar="YEAR",
                        help="year of scoring: lowers the confidence of older statements")  # fmt: skip
    parser.add_argument("--drivers", type=int, default=0, metavar="N", help="add the N strongest drivers")
    parser.add_argument("--term", action="store_true", help="add cumulative PDs within 2 to 5 years")
    parser.add_argument("--model", type=Path, metavar="DIR", help="model folder (default: the shipped one)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the tree library (default: 1)")
    parser.add_argument(
        "--device", choices=DEVICES, default="cpu", help="cuda: predict on a GPU if there is one"
    )
    parser.add_argument("--encoding", default="utf-8-sig", help="of the input (default: UTF-8)")
    parser.add_argument("--strict", action="store_true", help="exit 3 if a cell is bad or a row has no PD")
    return parser


def _floor(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < 1.0:
        raise argparse.ArgumentTypeError("a floor lies between 0 and 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: read, score, write; the exit code."""
    options = _parser().parse_args(arguments)
    try:
        engine = Engine.load(options.model, nthread=options.threads, device=options.device)
        sheet = read(options.input, options.encoding)
    except (FileError, ArtifactError) as error:
        _say(f"error: {error}")
        return 1
    kind: Literal["annual", "quarterly"] = sheet.kind_hint if options.kind == "auto" else options.kind
    wish = Wish(
        kind="quarterly" if kind == "quarterly" else "annual",
        shape=options.shape,
        market=not options.without_market,
        unit=UNITS[options.unit],
        floor=options.floor,
        drivers=max(options.drivers, 0),
        term=options.term,
        as_of=options.as_of,
    )
    for title in sheet.ignored:
        _say(f"note: column {title!r} is not used")
    _name_faults(sheet)
    try:
        with _output(options.output) as stream:
            unscored = _write(engine, sheet, wish, stream)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has enough of it
        return 0
    except (OSError, ValueError) as error:
        _say(f"error: {error}")
        return 1
    _say(
        f"{len(sheet)} rows, {len(sheet) - unscored} scored, {unscored} without a PD, "
        f"{len(sheet.faults)} with bad cells; model {engine.name} {engine.version} {engine.sha256[:12]}"
    )
    return 3 if options.strict and (unscored or sheet.faults) else 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _name_faults(sheet: Sheet) -> None:
    for count, (position, faults) in enumerate(sorted(sheet.faults.items())):
        if count == _SHOWN_FAULTS:
            _say(f"warning: {len(sheet.faults) - count} more rows have bad cells; see the column error")
            return
        for fault in faults:
            _say(f"warning: row {int(sheet.row_number[position])}: {fault}")


@contextmanager
def _output(name: str | None) -> Iterator[TextIO]:
    """Where the scores go. A file appears under its name only when it is complete."""
    if name is None or name == "-":
        yield sys.stdout
        return
    target = Path(name)
    part = target.with_name(target.name + ".part")
    packed = target.suffix == ".gz"
    try:
        with part.open("wb") as raw:
            # No time of day in the header: equal scores give equal files.
            binary = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) if packed else raw
            stream = io.TextIOWrapper(binary, encoding="utf-8", newline="")  # type: ignore[arg-type]
            yield stream
            stream.flush()
            if packed:
                binary.close()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _write(engine: Engine, sheet: Sheet, wish: Wish, stream: TextIO) -> int:
    """Write every part; the number of rows without a PD."""
    unscored, first = 0, True
    for part in parts(engine, sheet, wish):
        table = _table(engine, sheet, wish, part)
        table.to_csv(stream, index=False, header=first, lineterminator="\n")
        first = False
        unscored += int(np.isnan(part.scores.pd).sum())
    if first:
        _header(engine, sheet, wish).to_csv(stream, index=False, lineterminator="\n")
    return unscored


def _header(engine: Engine, sheet: Sheet, wish: Wish) -> pd.DataFrame:
    """The table of no rows."""
    scores = engine.score(pd.DataFrame({"total_assets": []}), kind=wish.kind)
    nothing = np.empty(0, dtype=np.int64)
    part = Part(nothing, scores, pd.DataFrame(), None, np.empty(0, dtype=bool))
    return _table(engine, sheet, wish, part)


def _table(engine: Engine, sheet: Sheet, wish: Wish, part: Part) -> pd.DataFrame:
    scores, rows = part.scores, part.rows.tolist()
    columns: dict[str, object] = {
        "company_id": [sheet.company[row] for row in rows],
        "fiscal_year": [sheet.year_text[row] for row in rows],
    }
    if sheet.has_quarter:
        columns["fiscal_quarter"] = [sheet.quarter_text[row] for row in rows]
    columns |= {
        "pd": scores.pd,
        "pd_raw": scores.pd_raw,
        "pd_low": scores.low,
        "pd_high": scores.high,
        "category": categorise(scores.pd, DEFAULT_CUTOFFS),
        "grade": default_scale().assign(scores.pd),
        **{name: scores.members[name] for name in MEMBERS},
        "confidence": scores.confidence,
        "confidence_level": scores.confidence_level,
        "reasons": [";".join(codes) for codes in scores.reasons],
        "shape": scores.shape,
        "missing_inputs": [_missing(codes) for codes in scores.reasons],
        "flags": [
            ";".join(_flags(codes, repeated=repeated, bad=row in sheet.faults))
            for row, codes, repeated in zip(rows, scores.reasons, part.repeated.tolist(), strict=True)
        ],
    }
    if wish.term:
        cumulative = engine.term(scores).cumulative
        columns |= {f"pd_{year}y": cumulative[:, year - 1] for year in range(2, YEARS + 1)}
    if wish.drivers:
        columns["drivers"] = [" | ".join(d["text"] for d in found) for found in scores.drivers]
    columns["error"] = [
        "; ".join([*sheet.faults.get(row, ()), *(["nothing to score on"] if shape == NO_SHAPE else [])])
        for row, shape in zip(rows, scores.shape.tolist(), strict=True)
    ]
    return pd.DataFrame(columns)


def _missing(codes: list[str]) -> str:
    return ";".join(code.partition(":")[2] for code in codes if code.startswith("missing:"))


def _flags(codes: list[str], *, repeated: bool, bad: bool) -> list[str]:
    own = [*(["duplicate_period"] if repeated else []), *(["bad_cell"] if bad else [])]
    return own + [code for code in codes if not code.startswith("missing:")]


if __name__ == "__main__":
    sys.exit(main())
