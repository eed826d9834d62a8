"""Many heads, one answer."""
