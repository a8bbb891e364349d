"""Data, synthetic bleeds, losses and the training loop."""
