"""Which clips are taken, how they are packed and decoded, and how batches are drawn from them."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from corpus import Clip, Corpus, Draw, Tokens, batches, ctc_classes, pad, save_tokens
from features import LOWEST, write_features
from flow import batch_at as flow_batch
from gpt import LONGEST
from gpt import batch_at as gpt_batch
from listing import languages_with_enough, listed, table
from pack import chosen, read_pack, shard_clips, water_level, write_pack

from myna.core.errors import BadInput
from myna.models.content import CTC_PHONES


def test_speakers_that_are_measured_are_kept_apart(speech: Path) -> None:
    clips = listed(speech, ["en"])
    split = {clip["speaker"]: clip["split"] for clip in clips}
    assert split["ann"] == split["bob"] == "train"
    # Of eight learners the seven with most clips, and of the test's speakers those whom the benchmark measures.
    assert [name for name in split if name.startswith("so762") and split[name] == "train"] == ["so762_0"]
    assert split["LJ"] == "held"
    assert all(not clip["file"].startswith("test/ann") for clip in clips)
    assert next(clip for clip in clips if clip["speaker"] == "bob")["phones"][:2] == ["DH", "AH0"]


def test_languages_are_named_or_have_enough(speech: Path) -> None:
    known = languages_with_enough(table(speech / "train" / "manifest.tsv"))
    assert {name: enough for name, (_, _, enough) in known.items()} == {"en": False, "zh": False}
    assert listed(speech, []) == []
    with pytest.raises(BadInput, match="no speech in ko; there is: en, zh"):
        listed(speech, ["en", "ko"])
    with pytest.raises(BadInput, match=r"lacks train/manifest\.tsv"):
        listed(speech / "train", ["en"])


def test_classes_of_other_languages_stand_behind_the_english_ones() -> None:
    def clip(language: str, phones: list[str]) -> Clip:
        return Clip(0, "", "", language, "train", "", 1.0, phones)

    classes = ctc_classes([clip("en", ["DH", "AH0", "."]), clip("zh", ["n", "i3", "h", "ao3", "!"])])
    assert [classes[phone] for phone in CTC_PHONES] == list(range(1, 40))
    assert {phone: classes[phone] for phone in ("ao", "h", "i", "n")} == {"ao": 40, "h": 41, "i": 42, "n": 43}
    assert len(classes) == 43


def test_a_pack_takes_from_those_who_have_most() -> None:
    clips = [
        {"speaker": name, "split": split, "seconds": 2.0}
        for name, split, count in (("much", "train", 50), ("some", "train", 10), ("few", "train", 2), ("x", "held", 3))
        for _ in range(count)
    ]
    numbers = chosen(clips, 60.0, turn=0)
    count = Counter(clips[number]["speaker"] for number in numbers)
    assert count == {"much": 15, "some": 10, "few": 2, "x": 3}
    assert sum(clips[number]["seconds"] for number in numbers) <= 60.0
    assert chosen(clips, 60.0, turn=0) == numbers != chosen(clips, 60.0, turn=1)
    assert chosen(clips, 1e9, turn=0) == list(range(len(clips)))
    with pytest.raises(BadInput, match="held-out speakers"):
        chosen(clips, 5.0, turn=0)


def test_the_water_level_fills_the_room() -> None:
    assert water_level([1.0, 5.0, 10.0], 9.0) == 4.0
    assert water_level([1.0, 2.0], 9.0) == 2.0
    assert water_level([], 9.0) == 0.0


def test_a_pack_is_small_and_sounds_like_the_files(work: Path, speech: Path) -> None:
    folder = write_pack(speech, work, 40.0, 0, processes=1)
    clips = Corpus(work).clips
    shards = read_pack(work)
    found = {number: (samples, rate) for shard in shards for number, samples, rate in shard_clips(work, shard)}
    assert sorted(found) == [clip.number for clip in clips]
    seconds = sum(clip.seconds for clip in clips)
    size = sum(file.stat().st_size for file in folder.glob("*.opus"))
    assert 8 * size / seconds < 25_000  # what is asked for is 15 kbit/s; a file this short is half headers
    for clip in clips[::5]:
        samples, rate = found[clip.number]
        recorded, rate_hz = soundfile.read(speech / clip.file, dtype="float32")
        assert len(samples) / rate == pytest.approx(len(recorded) / rate_hz, abs=1e-3)
        assert float(np.square(samples).mean()) == pytest.approx(float(np.square(recorded).mean()), rel=0.5)


def test_a_missing_pack_or_listing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no pack"):
        read_pack(tmp_path)
    with pytest.raises(BadInput, match=r"prepare\.py first"):
        Corpus(tmp_path)


def test_frames_of_files_and_of_a_pack_have_the_same_places(work: Path, speech: Path) -> None:
    clips = Corpus(work).clips
    write_features(
        work, [("files", [(clip.number, clip.file) for clip in clips])], speech, ["front", "moved", "mel"], 1
    )
    first = Corpus(work)
    spans, mel = first.spans, first.frames(clips[0], "mel").clone()
    assert spans["front"][0][1] == pytest.approx(100 * clips[0].seconds, abs=1)
    assert spans["mel"][0][1] == pytest.approx(50 * clips[0].seconds, abs=1)
    assert 0.78 * spans["front"][0][1] < spans["moved"][0][1] < spans["front"][0][1] / LOWEST + 2
    assert torch.equal(first.frames(clips[0], "mel", 10, 20), mel[10:20])
    write_pack(speech, work, 40.0, 0, processes=1)
    write_features(work, [("shard", shard) for shard in read_pack(work)], work, ["mel"], 1)
    second = Corpus(work)
    assert second.spans["mel"] == spans["mel"]
    assert second.has(clips[0], "front")
    assert float((second.frames(clips[0], "mel") - mel).abs().mean()) < 1.5


def test_tokens_come_back_as_they_were_written(work: Path) -> None:
    rows = {
        0: (np.array([5, 6, 7]), np.array([0, 0, 1]), [9, 8]),
        3: (np.array([1]), np.array([0]), [4]),
    }
    save_tokens(work, rows)
    tokens = Tokens(work)
    assert sorted(tokens.codes) == [0, 3]
    assert tokens.codes[0].tolist() == [5, 6, 7]
    assert tokens.spoken[0].tolist() == [0, 0, 1]
    assert tokens.ids[3].tolist() == [4]


def test_batches_depend_on_the_step_alone(tokens: Path) -> None:
    corpus = Tokens(tokens)
    draw = Draw(corpus, corpus.of("train", texted=True, kind="mel"))
    for make, size in ((gpt_batch, 400), (flow_batch, 300)):
        first, again, other = (make(corpus, draw, size, step) for step in (3, 3, 4))
        same = [torch.equal(value, vars(again)[name]) for name, value in vars(first).items() if value is not None]
        assert all(same)
        assert any(
            value is not None and (value.shape != vars(other)[name].shape or not torch.equal(value, vars(other)[name]))
            for name, value in vars(first).items()
        )
    batch = gpt_batch(corpus, draw, 400, 0)
    assert batch.tokens.shape[1] <= LONGEST
    assert int(batch.spoken.max()) < batch.phones.shape[1]


def test_the_many_speakers_are_heard(tokens: Path) -> None:
    corpus = Tokens(tokens)
    draw = Draw(corpus, corpus.of("train", texted=False))
    heard = Counter(corpus.clips[n].speaker for n in draw.clips(4000, random.Random(0)))
    # Three times the speech, root of three as often.
    ratio = heard["ann"] / heard["so762_0"]
    spoken = {name: sum(corpus.clips[n].seconds for n in own) for name, own in draw.of.items()}
    assert ratio == pytest.approx((spoken["ann"] / spoken["so762_0"]) ** 0.5, rel=0.15)
    assert not any(corpus.clips[n].split == "held" for n in draw.clips(200, random.Random(1)))


def test_batches_are_of_like_length_and_take_every_clip_once(work: Path) -> None:
    clips = Corpus(work).clips
    groups = batches(clips, 8.0, 1)
    assert sorted(clip.number for group in groups for clip in group) == [clip.number for clip in clips]
    assert all(max(c.seconds for c in group) * len(group) <= 8.0 for group in groups)
    rows, lengths = pad([torch.ones(2), torch.ones(3)], -1)
    assert rows.tolist() == [[1, 1, -1], [1, 1, 1]]
    assert lengths.tolist() == [2, 3]
