"""The names in section 7 of the contract of the official tool's files."""

from __future__ import annotations

import pytest

from myna.engine.separation.names import Naming, by_dereverb, by_stem, by_vr, stem_files


def names(file: str, naming: Naming, stems: tuple[str, str] = ("vocals", "other"), taken: set[str] | None = None):
    return stem_files(file, stems, naming, aggressiveness=10, extension="flac", taken=set() if taken is None else taken)


@pytest.mark.parametrize(
    ("naming", "voice", "rest"),
    [
        (by_vr, "vocal_song.mp3_10.flac", "instrument_song.mp3_10.flac"),
        (by_dereverb, "song.mp3_main_vocal.flac", "song.mp3_others.flac"),
        (by_stem, "song_vocals.flac", "song_other.flac"),
    ],
)
def test_names_are_the_official_ones(naming: Naming, voice: str, rest: str) -> None:
    assert names("song.mp3", naming) == [voice, rest]


def test_two_recordings_never_share_a_file() -> None:
    taken: set[str] = set()
    assert names("song.mp3", by_stem, taken=taken) == ["song_vocals.flac", "song_other.flac"]
    assert names("song.wav", by_stem, taken=taken) == ["song_vocals-2.flac", "song_other-2.flac"]
    assert names("song.ogg", by_stem, taken=taken) == ["song_vocals-3.flac", "song_other-3.flac"]


def test_names_that_some_file_systems_take_for_one_are_told_apart() -> None:
    taken: set[str] = set()
    first = [
        name
        for file in ("Song.wav", "song.wav", "caf\u00e9.wav", "cafe\u0301.wav")
        for name in names(file, by_vr, taken=taken)
    ]
    assert len({name.casefold() for name in first}) == 8
    assert first[2].endswith("-2.flac")
    assert first[6].endswith("-2.flac")


@pytest.mark.parametrize("file", ["x" * 300 + ".wav", "声" * 120 + ".wav", "🎵" * 70 + ".mp3"])
def test_names_are_never_longer_than_a_file_system_takes(file: str) -> None:
    voice, rest = names(file, by_vr)
    assert max(len(name.encode()) for name in (voice, rest)) <= 255 - len(".part-01234567-")
    assert voice.startswith("vocal_")
    assert voice.endswith("_10.flac")
    assert voice != names("y" + file, by_vr)[0]


def test_three_stems_have_three_files() -> None:
    assert stem_files(
        "song.mp3", ("vocals", "drums", "bass"), by_stem, aggressiveness=0, extension="wav", taken=set()
    ) == ["song_vocals.wav", "song_drums.wav", "song_bass.wav"]
