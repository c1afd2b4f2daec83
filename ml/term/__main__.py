"""Fit the term structure for a model folder that stands: `python -m ml.term --data PATH [--model DIR]`.

The rolling origins are fitted again, as training does; only `term.json` of each shape and what the manifest
says of it are written, everything else stays to the byte.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.dataset import read
from ml.fitting import Workshop
from ml.persistence import DEFAULT_PATH, TERM, as_json, read_folder, write_folder
from ml.shapes import SHAPES
from ml.term import TermStructure
from ml.term.fitting import fit_term


def attach(folder: Path, found: Mapping[str, tuple[TermStructure, dict[str, Any]]]) -> str:
    """Write each shape's term structure into a model folder and return the model's new sha256."""
    manifest, contents, _ = read_folder(folder)
    for name, (term, figures) in found.items():
        contents[f"{name}/{TERM}"] = as_json(term.as_json())
        manifest["shapes"][name]["metrics"]["term"] = figures
    rest = {key: value for key, value in manifest.items() if key not in ("files", "format")}
    return write_folder(folder, contents, rest)


def main(arguments: list[str] | None = None) -> int:
    """Command line: fit, attach; 0 when done."""
    parser = argparse.ArgumentParser(prog="python -m ml.term", description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="the development file, or its folder")
    parser.add_argument("--model", type=Path, default=DEFAULT_PATH, help="folder (default: the shipped one)")
    parser.add_argument("--threads", type=int, default=1, help="threads per fit (default: 1)")
    options = parser.parse_args(arguments)
    data = read(options.data)
    found = {}
    for name, shape in SHAPES.items():
        shop = Workshop(shape, data, options.threads)
        blend, pooled = shop.calibrate(int(data.year.max()))
        term, figures = fit_term(data, pooled.rows, blend.log_odds(pooled.raw))
        if term is None or figures is None:
            sys.stderr.write("error: the data has no column years_to_default\n")
            return 1
        found[name] = (term, figures)
        sys.stdout.write(f"{name}: slopes {', '.join(f'{s:.3f}' for s in term.slope)}\n")
    sys.stdout.write(f"written {options.model}: sha256 {attach(options.model, found)[:12]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
