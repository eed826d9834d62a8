"""Many heads: seeds and grids, one after the other or several at once."""
