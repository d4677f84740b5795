"""English: numbers and signs to words, words to ARPAbet phones."""
