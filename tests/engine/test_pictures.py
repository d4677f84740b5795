from __future__ import annotations

import io
import struct
import xml.etree.ElementTree as ET
import zlib

import numpy as np

from myna.engine.pictures import changes_svg, curve_svg, png, spectrogram_png


def unpacked(picture: bytes) -> np.ndarray:
    """The pixels of an unfiltered 8-bit RGB file, every checksum verified."""
    stream = io.BytesIO(picture)
    assert stream.read(8) == b"\x89PNG\r\n\x1a\n"
    data, size = b"", (0, 0)
    while head := stream.read(8):
        length, kind = struct.unpack(">I4s", head)
        content = stream.read(length)
        assert struct.unpack(">I", stream.read(4))[0] == zlib.crc32(kind + content)
        if kind == b"IHDR":
            size = struct.unpack(">II", content[:8])
            assert content[8:10] == b"\x08\x02"
        if kind == b"IDAT":
            data += content
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(size[1], 1 + 3 * size[0])
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(size[1], size[0], 3)


def test_a_png_holds_its_pixels() -> None:
    pixels = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
    assert np.array_equal(unpacked(png(pixels)), pixels)


def test_a_tone_is_a_bright_line_at_its_height() -> None:
    time = np.arange(2 * 24000) / 24000
    for hz in (500.0, 3000.0):
        sound = (0.5 * np.sin(2 * np.pi * hz * time)).astype(np.float32)
        pixels = unpacked(spectrogram_png(sound, 24000, width=60))
        assert pixels.shape == (220, 60, 3)
        row = 219 - int(pixels.sum(axis=(1, 2)).argmax() - 0)
        mel = 2595 * np.log10(1 + hz / 700) / (2595 * np.log10(1 + 8000 / 700))
        assert abs(row - mel * 220) < 4


def test_a_tone_in_the_second_half_is_bright_there_only() -> None:
    sound = np.zeros(16000, np.float32)
    sound[8000:] = np.sin(np.arange(8000) / 3)
    pixels = unpacked(spectrogram_png(sound, 16000, width=40)).astype(int)
    assert pixels[:, :18].max() < 60
    assert pixels[:, 22:].max() > 200


def test_silence_and_a_single_sample_can_be_drawn() -> None:
    for sound in (np.zeros(16000, np.float32), np.ones(1, np.float32)):
        assert unpacked(spectrogram_png(sound, 16000, width=8)).shape == (220, 8, 3)


def test_a_falling_curve_falls_on_paper() -> None:
    drawn = ET.fromstring(curve_svg([4.0, 3.0, 2.0, 1.0], "loss"))
    raw = next(line for line in drawn.iter("polyline") if line.get("class") == "raw")
    points = [tuple(map(float, point.split(","))) for point in (raw.get("points") or "").split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points)  # downwards is larger
    assert {"4", "1", "4 steps"} == {text.text for text in drawn.iter("text")}


def test_nothing_is_drawn_of_nothing() -> None:
    assert curve_svg([], "loss") == ""
    assert curve_svg([1.0, float("nan")], "loss") == ""
    assert "polyline" in curve_svg([2.0, 2.0], "flat")


def test_changes_are_drawn_from_before_to_after() -> None:
    drawn = changes_svg([(3.0, 1.0), (1.0, 2.0)], "noise")
    assert drawn.count('class="before"') == drawn.count('class="after"') == 2
    assert ">3<" in drawn
    assert ">1<" in drawn
    first = drawn.index('class="change"')
    assert drawn.index('y1="164.0"', first) < drawn.index('y1="14.0"', first)
    many = changes_svg([(float(value), 0.0) for value in range(1000)], "noise")
    assert many.count('class="after"') == 200
    assert "1000 clips" in many
