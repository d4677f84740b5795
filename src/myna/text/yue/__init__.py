"""Cantonese, by ToJyutping."""
