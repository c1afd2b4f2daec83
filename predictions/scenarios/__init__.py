"""What if: shocks to statements, one name or a portfolio, and what it would take to be better."""
