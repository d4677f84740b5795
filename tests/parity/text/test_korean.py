"""Korean phones against the official front end: identical in the official reading; in our own one identical too, or
different for a reason that is listed.

``ko.jsonl`` holds its outputs; ``ko_reasons.json`` says for each record that we read otherwise why, and how we read it.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from myna.core.errors import BadInput
from myna.text.frontend import phonemize_plain

pytestmark = pytest.mark.skipif(importlib.util.find_spec("mecab") is None, reason="needs pip install 'myna[ko]'")

HERE = Path(__file__).parent
RECORDS = [json.loads(line) for line in (HERE / "ko.jsonl").read_text(encoding="utf-8").splitlines()]
READ_OTHERWISE = json.loads((HERE / "ko_reasons.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["text"][:40])
def test_the_official_reading_is_identical(record: dict[str, Any]) -> None:
    assert phonemize_plain(record["text"], "ko", record["version"], official=True).phones == record["phones"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["text"][:40])
def test_a_record_is_identical_or_read_as_listed(record: dict[str, Any]) -> None:
    listed = READ_OTHERWISE.get(record["text"])
    if listed is None:
        result = phonemize_plain(record["text"], "ko", record["version"])
        assert result.phones == record["phones"]
    elif "read" not in listed:
        with pytest.raises(BadInput):
            phonemize_plain(record["text"], "ko", record["version"])
    else:
        result = phonemize_plain(record["text"], "ko", record["version"])
        assert result.norm_text == listed["read"]
        assert " ".join(result.phones) == listed["phones"]
        assert result.phones != record["phones"], "this difference is gone: remove it from ko_reasons.json"


def test_only_texts_with_numbers_signs_or_foreign_letters_differ_but_for_two_rules() -> None:
    assert READ_OTHERWISE.keys() <= {record["text"] for record in RECORDS}
    plain = [record["text"] for record in RECORDS if re.fullmatch("[가-힣 ,.!?…\n]+", record["text"])]
    spoken = [text for text in plain if any(c.isalpha() for c in text)]
    differing = [text for text in spoken if text in READ_OTHERWISE]
    assert len(spoken) > 70
    assert differing == ["닭이 흙을 밟아요.", "가져, 다쳐, 쪄, 묻혀."]
