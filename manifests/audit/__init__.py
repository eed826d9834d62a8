"""Everything that is wrong with a manifest, found at once."""
