"""In which encodings label files are read, and that a guess that is not certain is refused."""

from __future__ import annotations

import pytest

from myna.audio.label_encoding import ENCODINGS, decoded
from myna.core.errors import BadInput

TEXTS = {
    "gb18030": ("ZH", "今天天气很好，我们一起去公园散步吧。"),
    "big5": ("ZH", "今天天氣很好，我們一起去公園散步吧。"),
    "cp932": ("JA", "今日はいい天気ですね。公園に行きましょう。"),
    "euc_jp": ("JP", "今日はいい天気ですね。公園に行きましょう。"),
    "cp949": ("ko", "오늘 날씨가 정말 좋네요. 공원에 갑시다."),
    "cp1252": ("EN", "Don’t you know the café – or the naïve “artist”?"),
    "utf-8": ("YUE", "今日天氣好好，我哋一齊去公園行下啦。"),
    "utf-8-sig": ("ZH", "今天天气很好。"),
    "utf-16": ("ZH", "今天天气很好，我们一起去公园散步吧。"),
    "utf-16-le": ("EN", "Without a mark at its beginning."),
    "utf-16-be": ("ZH", "今天天气很好。"),
    "utf-32": ("JA", "今日はいい天気ですね。"),
}


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("count", [1, 40])
def test_what_is_certain_is_read(encoding: str, count: int) -> None:
    language, text = TEXTS[encoding]
    file = "\r\n".join(f"D:\\clips\\{number}.wav|ann|{language}|{text}" for number in range(count))
    assert decoded(file.encode(encoding), "a.list") == file


@pytest.mark.parametrize(
    "data",
    [
        "a.wav|x|ZH|好".encode("gbk"),
        "a.wav|x|ZH|公園裏飛過國際鐵雞蘭".encode("gb18030"),  # traditional characters, rare in GB2312
        "一二三四五六七八".encode("gbk"),  # no language is told
        b"a.wav|x|EN|\xc8\xc9\xca\xcb\xcc",
        bytes(range(128, 256)) * 20,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xfe",
    ],
)
def test_what_is_not_certain_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"a\.list is not UTF-8 text and it is not certain") as caught:
        decoded(data, "a.list")
    assert "\n" not in str(caught.value)
    assert "gb18030, big5" in str(caught.value)


def test_an_encoding_can_be_named() -> None:
    assert decoded("a.wav|x|ZH|好".encode("gbk"), "a.list", "gb18030") == "a.wav|x|ZH|好"
    with pytest.raises(BadInput, match="is not utf-8 text"):
        decoded("好".encode("gbk"), "a.list", "utf-8")
    with pytest.raises(BadInput, match="unknown encoding 'klingon'; choose one of: utf-8, utf-16, gb18030"):
        decoded(b"", "a.list", "klingon")
    assert all(decoded("a".encode(name), "a.list", name) == "a" for name in ENCODINGS)


def test_a_single_line_in_other_letters_is_kept_byte_for_byte() -> None:
    data = "一\n二\n".encode() + "三".encode("gbk")
    assert decoded(data, "a.list").encode("utf-8", "surrogateescape") == data
