"""Speech emotion recognition in two phases: extract frozen features once, train heads fast."""
