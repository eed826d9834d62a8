"""Tables, plots, one HTML page."""
