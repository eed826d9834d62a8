"""What is encoded: segments of recordings, texts, and the batches they share."""
