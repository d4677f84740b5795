"""Fine-tuning of both nets on a dataset folder."""
