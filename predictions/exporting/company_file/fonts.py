"""Letters of the PDF: DejaVu Sans where the system has it (Latin, Greek, Cyrillic), else Bitstream Vera."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import reportlab
from django.conf import settings
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REPLACED: Final = "\u00b7"
"""What stands for a letter that the font does not have."""
_PLACES: Final = (
    "/usr/share/fonts/truetype/dejavu",
    "/usr/share/fonts/dejavu-sans-fonts",
    "/usr/share/fonts/dejavu",
    "/usr/share/fonts/TTF",
)


@dataclass(frozen=True, slots=True)
class Face:
    """A pair of fonts that reportlab knows."""

    plain: str
    bold: str
    letters: frozenset[int]

    def shown(self, text: str) -> tuple[str, bool]:
        """The text as the font can show it, and whether letters of it had to be replaced."""
        printable = "".join(c for c in text if c.isprintable())
        lacking = {c for c in printable if ord(c) not in self.letters}
        kept = "".join(REPLACED if c in lacking else c for c in printable)
        return kept, bool(lacking)


@cache
def face() -> Face:
    """The best font that is there, registered once."""
    for folder in filter(None, (settings.PDF_FONTS, *_PLACES)):
        plain, bold = Path(folder, "DejaVuSans.ttf"), Path(folder, "DejaVuSans-Bold.ttf")
        if plain.is_file() and bold.is_file():
            return _registered("Report", plain, bold)
    own = Path(os.path.dirname(reportlab.__file__), "fonts")
    return _registered("Report", own / "Vera.ttf", own / "VeraBd.ttf")


def _registered(name: str, plain: Path, bold: Path) -> Face:
    first, second = TTFont(name, str(plain)), TTFont(f"{name}-Bold", str(bold))
    pdfmetrics.registerFont(first)
    pdfmetrics.registerFont(second)
    letters = frozenset(first.face.charToGlyph) & frozenset(second.face.charToGlyph)
    return Face(name, f"{name}-Bold", letters)
