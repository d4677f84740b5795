"""The words of Chinese: jieba cuts a sentence into them and tags them.

jieba's dictionary is read here rather than by jieba, which keeps a copy in the folder for temporary files and would
trust whatever lies there.
"""

from __future__ import annotations

import warnings
from functools import cache, lru_cache

from myna.text.symbols import PUNCTUATION

with warnings.catch_warnings():  # its regular expressions have escapes that Python deprecates
    warnings.simplefilter("ignore")
    import jieba
    from jieba import posseg

LONGEST_WORD = 16
"""Characters of the longest word in jieba's dictionary."""
_LONGEST = 512
_MAX_STRANGE = 4
"""Characters unknown to jieba with which it cuts a sentence in a fair time, some 15 ms for each."""
Word = tuple[str, str]
"""A word and jieba's tag of its part of speech."""


class _Dictionary(jieba.Tokenizer):  # type: ignore[misc]
    """jieba's own dictionary."""

    initialized: bool

    def initialize(self, _: str | None = None) -> None:
        """Reads the words and their frequencies; every beginning of a word is known too, with frequency 0."""
        if self.initialized:
            return
        with self.get_dict_file() as file:
            fields = file.read().decode().split()
        known: dict[str, int] = {}
        for word in fields[::3]:
            for end in range(len(word) - 1, 0, -1):
                if word[:end] in known:
                    break
                known[word[:end]] = 0
            known[word] = 0
        counts = list(map(int, fields[1::3]))
        known.update(zip(fields[::3], counts, strict=True))
        self.FREQ, self.total = known, sum(counts)
        self.initialized = True


class _Tagger(posseg.POSTokenizer):  # type: ignore[misc]
    """jieba's tagger over our dictionary."""

    def __init__(self, dictionary: _Dictionary) -> None:
        self.tokenizer = dictionary
        self.word_tag_tab = posseg.dt.word_tag_tab


@cache
def _dictionary() -> _Dictionary:
    dictionary = _Dictionary()
    dictionary.initialize()
    return dictionary


@cache
def _tagger() -> _Tagger:
    return _Tagger(_dictionary())


def cut(sentence: str, *, exactly: bool = False) -> list[Word]:
    """The words of a sentence; joined they are the sentence.

    A character that jieba has never seen is a word by itself (with jieba's tag for those, x): for it jieba would try
    every pair of its 256 states. ``exactly`` lets it where there are few of them; their neighbours may go with them.
    A sentence without end is cut in parts.
    """
    parts = (sentence[start : start + _LONGEST] for start in range(0, len(sentence), _LONGEST))
    return [word for part in parts for word in _cut(part, exactly)]


@lru_cache(maxsize=1024)
def _cut(sentence: str, exactly: bool) -> tuple[Word, ...]:
    strange = [place for place in range(len(sentence)) if _is_strange(sentence, place)]
    if exactly and len(strange) <= _MAX_STRANGE:
        strange = []
    words: list[Word] = []
    start = 0
    for place in (*strange, len(sentence)):
        words += [(pair.word, pair.flag) for pair in _tagger().cut(sentence[start:place])]
        words += [(letter, "x") for letter in sentence[place : place + 1]]
        start = place + 1
    return tuple(words)


def _is_strange(sentence: str, place: int) -> bool:
    if sentence[place] in posseg.char_state_tab_P or sentence[place] in PUNCTUATION:
        return False
    return not any(sentence[start : start + 2] in _dictionary().FREQ for start in (max(0, place - 1), place))


def is_word(text: str) -> bool:
    """Whether the dictionary has it."""
    return bool(_dictionary().FREQ.get(text))


@lru_cache(maxsize=65536)
def halves(word: str) -> tuple[str, str]:
    """A word in two: at its shortest part that is a word, wherever that begins, else at the end.

    What is longer than any word of the dictionary (many times the same character) stays whole.
    """
    if len(word) > LONGEST_WORD:
        return word, ""
    part: str = min(_dictionary().cut_for_search(word), key=len)
    return (part, word[len(part) :]) if word.startswith(part) else (word[: -len(part)], part)
