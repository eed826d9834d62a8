"""Small models on cached features."""
