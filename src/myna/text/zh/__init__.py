"""Mandarin: numbers and signs to characters, characters to pinyin, pinyin to phones."""
