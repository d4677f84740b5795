"""Text to phones: cutting, reading out, symbol tables. No torch and no audio in here."""
