"""Korean text to the jamo of the v2 phone table."""
