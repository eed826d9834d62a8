"""What importers share: reading tables, naming bad rows, counting what was taken."""
