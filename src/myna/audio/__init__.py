"""Sound in and out: decoding, encoding, slicing, levels and label files. No torch here."""
