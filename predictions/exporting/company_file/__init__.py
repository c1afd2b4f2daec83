"""A company's own file: everything as a workbook, and one page of its risk as PDF."""

from predictions.exporting.company_file.page import pdf_of
from predictions.exporting.company_file.workbook import workbook_of

__all__ = ["pdf_of", "workbook_of"]
