"""The connectors, each a module of its own."""
