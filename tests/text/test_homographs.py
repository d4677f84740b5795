"""Readings of homographs in sentences labelled by hand.

``homographs_tuned.tsv`` was looked at while the rules were written, ``homographs_held_out.tsv`` was written before
them and measured after. V: the reading as a verb, N: the other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from myna.text.en.homographs import _pairs
from myna.text.frontend import phonemize

HERE = Path(__file__).parent


def cases(name: str) -> Iterator[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """(sentence, homograph, expected phones, phones) of each labelled word."""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        sentence, labels = line.split("\t")
        result = phonemize(sentence, "en")
        spoken = iter([(word.lower(), tuple(result.phones[first:end])) for word, first, end in result.words])
        for label in labels.split():
            homograph, expected = label.split("=")
            wanted = _pairs()[homograph]["VN".index(expected)] if expected in "VN" else tuple(expected.split("_"))
            yield sentence, homograph, wanted, next(phones for word, phones in spoken if word == homograph)


@pytest.mark.parametrize(("name", "least"), [("homographs_tuned.tsv", 1.0), ("homographs_held_out.tsv", 0.96)])
def test_share_of_right_readings(name: str, least: float) -> None:
    found = list(cases(name))
    wrong = [(sentence, homograph) for sentence, homograph, wanted, got in found if "".join(wanted) != "".join(got)]
    assert 1 - len(wrong) / len(found) >= least, wrong
    assert len(found) > 90


def test_inverted_rows_of_the_list_are_put_right() -> None:
    verb, noun = _pairs()["object"]
    assert " ".join(verb) == "AH0 B JH EH1 K T"
    assert " ".join(noun) == "AA1 B JH EH0 K T"
    assert " ".join(_pairs()["learned"][1]) == "L ER1 N IH0 D"
