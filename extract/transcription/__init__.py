"""Speech to text by Whisper, kept in one table per model."""
