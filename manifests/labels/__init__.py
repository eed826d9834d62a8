"""Label schemes, and from raters' votes to labels."""
