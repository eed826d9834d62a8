"""What an extraction has to do, and what it will take."""
