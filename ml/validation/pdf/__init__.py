"""The validation report as a PDF for a risk committee."""

from ml.validation.pdf.document import render

__all__ = ["render"]
