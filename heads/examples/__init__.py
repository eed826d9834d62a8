"""What a head is trained on: labels and features of utterances, joined by id."""
