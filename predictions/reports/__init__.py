"""The summary of a job: computed once, told as JSON, as a workbook and as a PDF."""
