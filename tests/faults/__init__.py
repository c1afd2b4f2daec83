"""What goes wrong in the world, done on purpose: after each, every row is accounted for."""
