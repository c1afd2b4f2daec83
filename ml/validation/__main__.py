"""Validate a model: `python -m ml.validation --data DATA --model FOLDER --output DIR`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from ml.dataset import read
from ml.persistence import DEFAULT_PATH, load
from ml.validation import evidence, report


def main(arguments: list[str] | None = None) -> int:
    """Command line: count the evidence or take what is kept, write the report; 0 when done."""
    parser = argparse.ArgumentParser(prog="python -m ml.validation", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=DEFAULT_PATH, help="model folder (default: the shipped)"
    )
    parser.add_argument(
        "--data", type=Path, help="development file or folder; without it, from what is kept with the model"
    )
    parser.add_argument("--output", type=Path, help="folder for validation.json and validation.pdf")
    parser.add_argument(
        "--store", action="store_true", help="keep the evidence beside the model, listed with its hash"
    )
    parser.add_argument("--repeats", type=int, default=evidence.REPEATS, help="draws of each bootstrap")
    parser.add_argument("--threads", type=int, default=1, help="threads per fit (default: 1)")
    options = parser.parse_args(arguments)
    if options.store and options.data is None:
        parser.error("--store needs --data")

    def say(text: str) -> None:
        sys.stdout.write(f"{text} after {time.monotonic() - started:.0f} s\n")
        sys.stdout.flush()

    started = time.monotonic()
    artifact = load(options.model)
    if options.data is None:
        found = evidence.kept(options.model)
    else:
        data = read(options.data)
        found = evidence.collect(
            data, artifact.manifest, repeats=options.repeats, nthread=options.threads, say=say
        )
        if options.store:
            evidence.keep(options.model, found)
            say(f"kept beside {options.model}")
    if options.output is not None:
        from ml.validation.pdf import render

        content = report.make(artifact.manifest, artifact.sha256, found)
        options.output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"
        (options.output / "validation.json").write_text(text)
        (options.output / "validation.pdf").write_bytes(render(content))
        say(f"written {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
