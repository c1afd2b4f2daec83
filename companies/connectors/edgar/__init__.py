"""EDGAR, the filing system of the US Securities and Exchange Commission, read without Django."""
