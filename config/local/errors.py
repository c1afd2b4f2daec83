"""The one exception of the launcher."""

from __future__ import annotations

from collections.abc import Sequence


class LaunchError(Exception):
    """A failure told in one line, after the last lines of what failed."""

    def __init__(self, message: str, output: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.output = list(output)
