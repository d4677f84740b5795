"""A voice as one file: what goes in comes out, and nothing else does."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from myna.core.card import read_card, write_card
from myna.core.errors import BadInput, Conflict, LimitExceeded
from myna.core.speech import Voice
from myna.core.voice_archive import export_voice, import_voice
from myna.core.workspace import VoiceFolder, write_text


@pytest.fixture
def voice(tmp_path: Path) -> VoiceFolder:
    folder = VoiceFolder(tmp_path / "anna")
    for name in ("weights/a-e8.safetensors", "weights/a_e4_s9.safetensors", "denoised/clip 1.wav", "denoised/b.flac"):
        write_text(folder.path / name, f"content of {name}")
    for name in ("words.tsv", "LICENSE.txt", "icon.png", "secret.txt"):
        write_text(folder.path / name, name)
    root = folder.path
    card = Voice(
        gpt=root / "weights/a-e8.safetensors",
        sovits=root / "weights/a_e4_s9.safetensors",
        reference=root / "denoised/clip 1.wav",
        reference_text="hello",
        other_references=(root / "denoised/b.flac",),
    )
    write_card(folder, card)
    return folder


def test_a_voice_comes_out_as_it_went_in(voice: VoiceFolder, tmp_path: Path) -> None:
    path = export_voice(voice, tmp_path / "out" / "anna.zip")
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {
            "voice.json", "gpt.safetensors", "sovits.safetensors", "reference.wav", "reference-1.flac", "words.tsv",
            "LICENSE.txt", "icon.png",
        }  # fmt: skip
    with path.open("rb") as stream:
        other = import_voice(stream, VoiceFolder(tmp_path / "bella"))
    card = read_card(other)
    assert card.gpt is not None
    assert card.gpt.read_text() == "content of weights/a-e8.safetensors"
    assert card.other_references[0].read_text() == "content of denoised/b.flac"
    assert (card.reference_text, card.words) == ("hello", other.path.resolve())
    assert card.reference.is_relative_to(other.path.resolve())
    with path.open("rb") as stream, pytest.raises(Conflict, match="there is a voice 'bella' already"):
        import_voice(stream, other)


GOOD = {"reference": "reference.wav"}


def archive(members: dict[str, bytes], card: object = GOOD) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        if card is not None:
            file.writestr("voice.json", card if isinstance(card, bytes) else json.dumps(card))
        for name, data in members.items():
            file.writestr(name, data)
    stream.seek(0)
    return stream


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (io.BytesIO(b"no zip"), "no voice of Myna"),
        (archive({"reference.wav": b"x"}, card=None), "must hold one voice.json"),
        (archive({"reference.wav": b"x"}, card=b"{"), "no JSON"),
        (archive({"reference.wav": b"x"}, card=[1]), "no JSON object"),
        (
            archive({"reference.wav": b"x"}, card={"reference": "/etc/passwd"}),
            "'/etc/passwd', which is not in the file",
        ),
        (archive({"reference.wav": b"x"}, card={**GOOD, "tempo": 1}), "tempo: no such parameter"),
        (archive({"reference.wav": b"x"}, card={}), "reference"),
        (archive({"../reference.wav": b"x"}), r"'\.\./reference\.wav'"),
        (archive({"reference.wav": b"x", "/etc/cron.d/x": b"x"}), "'/etc/cron.d/x'"),
        (archive({"reference.wav": b"x", "run.py": b"x"}), "'run.py'"),
        (archive({"reference.wav": b"x", "gpt.pkl": b"x"}), "'gpt.pkl'"),
        (archive({"reference.wav": b"x", "a\\b.wav": b"x"}), "holds"),
        (archive({"reference.wav": b"x"} | {f"reference-{n}.wav": b"x" for n in range(80)}), "81|82 files"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_voice_leaves_nothing(tmp_path: Path, stream: io.BytesIO, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        import_voice(stream, VoiceFolder(tmp_path / "home" / "bella"))
    assert not (tmp_path / "home" / "bella").exists()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="the voice holds 5 MiB; 1 are taken"):
        import_voice(archive({"reference.wav": bytes(5 << 20)}), VoiceFolder(tmp_path / "b"), most_bytes=1 << 20)
    liar = bytearray(archive({"reference.wav": bytes(1 << 20)}).getvalue())
    place = liar.rfind(b"PK\x01\x02", 0, liar.rfind(b"reference.wav"))
    liar[place + 24 : place + 28] = (10).to_bytes(4, "little")  # the size that the list of members tells
    with pytest.raises(BadInput):
        import_voice(io.BytesIO(bytes(liar)), VoiceFolder(tmp_path / "c"))
    assert not (tmp_path / "c").exists()
