"""Companies beside their peers, beside each other and beside their past. Reads only: no table."""
