"""English as the official program reads it, misreadings and all: for its voices, and for comparing with it."""
