"""Nets put to use: cleaning, features, training, synthesis."""
