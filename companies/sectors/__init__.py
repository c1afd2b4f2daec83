"""Sectors and industries: eleven sectors, their industries, and the way to them from other schemes.

The table is ours, in the manner of the usual market classifications. NACE (revision 2, by division) and SIC
(as the SEC uses it) lead into it, and so do usual other spellings.
"""

from companies.sectors.mapping import (
    Classified,
    from_nace,
    from_sic,
    industry_named,
    reading,
    sector_named,
    sector_of_industry,
)
from companies.sectors.table import SECTORS, Sector

__all__ = [
    "SECTORS",
    "Classified",
    "Sector",
    "from_nace",
    "from_sic",
    "industry_named",
    "reading",
    "sector_named",
    "sector_of_industry",
]
