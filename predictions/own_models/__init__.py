"""Models that an institution trains on outcomes of its own; private to the organization that made them."""
