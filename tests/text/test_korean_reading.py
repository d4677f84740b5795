"""What Korean texts are read out as, and as which phones."""

from __future__ import annotations

import importlib.util

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myna.core.errors import BadInput, UnknownChoice
from myna.text.frontend import phonemize_plain
from myna.text.symbols import PUNCTUATION, symbols

pytestmark = pytest.mark.skipif(importlib.util.find_spec("mecab") is None, reason="needs pip install 'myna[ko]'")

KOREAN = {phone for phone in symbols("v2") if "ㄱ" <= phone <= "ㅣ"} | {"空", "停", *PUNCTUATION}


def read_out(text: str) -> str:
    return phonemize_plain(text, "ko").norm_text


def phones(text: str) -> str:
    return "".join(phonemize_plain(text, "ko").phones).replace("空", " ").removesuffix(".")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,500원, 2024, 100, 3", "천오백원, 이천이십사, 백, 삼"),
        ("15:30, 3:05, 0:00", "십오시 삼십분, 세시 오분, 영시"),
        ("8:30-11:10, 9:00~18:00", "여덟시 삼십분에서 열한시 십분, 아홉시에서 십팔시"),
        ("3/4, ½, 1½컵", "사분의 삼, 이분의 일, 일과 이분의 일컵"),
        ("-5도, -5℃, 영하 -3도, -2.5", "영하 오도, 영하 오도, 영하 삼도, 마이너스 이점오"),
        ("$25, ₩5,000, 25$, €15", "이십오달러, 오천원, 이십오달러, 십오유로"),
        ("2024-01-02, 2024.6.10, 2024/10/3", "이천이십사년 일월 이일, 이천이십사년 유월 십일, 이천이십사년 시월 삼일"),
        ("010-1234-5678, 1588-0000", "공일공 일이삼사 오육칠팔, 일오팔팔 공공공공"),
        ("+82-10-1234-5678, 02)123-4567", "플러스 팔이 일공 일이삼사 오육칠팔, 공이 일이삼 사오육칠"),
        ("'24.5.1", "이십사년 오월 일일"),
        ("3~5일, 2~3개, 3시-5시, 3월~5월", "삼에서 오일, 두개에서 세개, 세시에서 다섯시, 삼월에서 오월"),
        ("5kg~10kg, 5~10%, 1990~2000년", "오에서 십킬로그램, 오에서 십퍼센트, 천구백구십에서 이천년"),
        ("6·25와 3·1절, 12·12", "육이오와 삼일절, 십이십이"),
        ("3:1, 3-2", "삼 대 일, 삼 대 이"),
        ("007, 1.2.3", "공공칠, 일점이점삼"),
        ("1+1=2, 3×4=12, 5-3=2, 10^3", "일 더하기 일은 이, 삼 곱하기 사는 십이, 오 빼기 삼은 이, 십의 삼제곱"),
        ("80km/h, 120m², 50㎡", "시속 팔십킬로미터, 백이십제곱미터, 오십제곱미터"),
        ("500ml, 10㎏, 5cm", "오백밀리리터, 십킬로그램, 오센티미터"),
        ("12345678901234567개", "일경이천삼백사십오조육천칠백팔십구억백이십삼만사천오백예순일곱개"),
    ],
)  # fmt: skip
def test_numbers(text: str, words: str) -> None:
    assert read_out(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("13개와 3개", "열세개와 세개"),
        ("20살, 21살, 3 마리", "스무살, 스물한살, 세 마리"),
        ("4명, 25명", "네명, 이십오명"),
        ("3시간, 24시간, 13시", "세시간, 이십사시간, 십삼시"),
        ("3번 출구, 버스 15번, 15번", "삼번 출구, 버스 십오번, 열다섯번"),
        ("1번째, 2번째, 제3장, 3장", "첫번째, 두번째, 제삼장, 세장"),
        ("20대 여성, 자동차 20대, 3대", "이십대 여성, 자동차 스무대, 세대"),
        ("6월, 10월, 16월, 3개월, 5분", "유월, 시월, 십육월, 삼개월, 오분"),
    ],
)
def test_counters_choose_native_or_sino_korean(text: str, words: str) -> None:
    assert read_out(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Samsung과 LG, NASA, KBS", "삼성과 엘지, 나사, 케이비에스"),
        ("hello world, English, street", "헬로 월드, 잉글리시, 스트리트"),
        ("mp3, A4, iPhone 15", "엠피쓰리, 에이포, 아이폰 십오"),
        ("Wi-Fi, e-mail, AT&T, iPhone-World", "와이파이, 이메일, 에이티앤티, 아이폰월드"),
        ("abc@gmail.com", "에이비시 골뱅이 지메일 점 컴"),
        ("www.google.com", "더블유더블유더블유 점 구글 점 컴"),
        ("ＡＢＣ　１２３", "에이비시 백이십삼"),
        ("大韓民國, 女子와 男女, 老人", "대한민국, 여자와 남녀, 노인"),
        ("不可能, 不動産, 比率, 確率, 數字, 100年", "불가능, 부동산, 비율, 확률, 숫자, 백년"),
        ("カラオケ, こんにちは, ちょっと", "카라오케, 콘니치와, 촛토"),
        ("ㅋㅋㅋ ㅇㅋ ㄱ은", "크크크 오케이 기역은"),
        ('"괜찮아" 그래~ 😀!', "괜찮아 그래 !"),
        ("한국", "한국"),
    ],
)
def test_foreign_letters_and_signs(text: str, words: str) -> None:
    assert read_out(text) == words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("밟아요, 밟는다, 밟지, 낙엽 밟는", "발바요, 밤는다, 밥찌, 나겹 빰는"),
        ("넓네, 짧네, 넓다, 넓죽", "널레, 짤레, 널따, 넙쭉"),
        ("늦은, 끝이, 끝에, 뜯어", "느즌, 끄치, 끄테, 뜨더"),
        ("지읒이, 디귿을, 히읗은", "지으시, 디그슬, 히으슨"),
        ("붙여, 묻혀, 맞혀, 잊혀, 맏형", "부처, 무처, 마처, 이처, 마텽"),
        ("맛없어, 겉옷을, 낮 한때", "마덥써, 거도슬, 나 탄때"),
        ("문법, 불법, 교과서, 방법", "문뻡, 불뻡, 교꽈서, 방법"),
        ("받아들일, 친절도, 통일시키다, 손님을 들일", "바다드릴, 친절도, 통일시키다, 손니믈 드릴"),
        ("물걸레, 할걸, 벌수록, 일밖에", "물걸레, 할껄, 벌쑤록, 일바께"),
        ("별을 노래, 을 라디오", "벼를 노래, 을 라디오"),
        ("감다, 감기, 앉고", "감따, 감기, 안꼬"),
        ("16층, 26, 106호", "심뉵층, 이심뉵, 뱅뉴코"),
        ("3.14", "삼쩌밀사"),
        ("3·1절", "사밀쩔"),
        ("1연대, 3연대", "일련대, 삼년대"),
        ("삼성과 엘지, 성과가", "삼성과 엘지, 성꽈가"),
    ],
)
def test_words_sound_as_they_are_said(text: str, said: str) -> None:
    assert phones(text) == _unchanged(said)


def _unchanged(said: str) -> str:
    """Phones of syllables one by one: nothing changes between them."""
    return "".join(" " if c == " " else c if c == "," else phones(c) for c in said)


def test_marks_and_brackets() -> None:
    assert phones("하나; 둘: 셋 (넷) [다섯]") == phones("하나, 둘, 셋") + " 停ㄴㅔㄷ停 停ㄷㅏㅅㅓㄷ停"
    assert phonemize_plain("네", "ko").phones == ["ㄴ", "ㅔ", "."]
    assert phonemize_plain("네!", "ko").phones == ["ㄴ", "ㅔ", "!"]


def test_decomposed_syllables_are_composed() -> None:
    assert phones("\u1112\u1161\u11ab\u1100\u116e\u11a8") == phones("한국")


def test_every_phone_knows_the_characters_it_says() -> None:
    text = "값은 1,500원, 大韓 좋아!"
    result = phonemize_plain(text, "ko")
    assert [text[first:last] for first, last in sorted(set(result.spans))] == [
        "값", "은", " ", "1,500", "원", ",", " ", "大", "韓", " ", "좋", "아", "!",
    ]  # fmt: skip
    assert [word for word, _, _ in result.words] == ["값은", "1,500원", "大韓", "좋아"]
    word, first, last = result.words[1]
    assert "".join(result.phones[first:last]) == phones("천오백원")
    assert word == "1,500원"


@pytest.mark.parametrize("text", ["", "  ", "...", "()", "😀", "Привет", "\u200b", "\ud800"])
def test_nothing_to_speak_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"nothing to speak|empty"):
        phonemize_plain(text, "ko")


def test_the_first_table_has_no_korean() -> None:
    with pytest.raises(UnknownChoice):
        phonemize_plain("안녕", "ko", "v1")


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=[]), max_size=60))
@example("1/0")
@example("-5~-3")
@example("٣개 ３개 ①개 ᆨ개 ㅏ")
@example("3개3개 1:99 24:61 2024-13-40 1.2.3.4.5 $ $1 1$$ +1-1=*/ 0/0")
@example("ーんっャ率不年")
@example("ÀÉ’s a'b'c' 1a a1 1km/hh")
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        result = phonemize_plain(text, "ko")
    except BadInput:
        return
    assert set(result.phones) <= KOREAN
    assert len(result.spans) == len(result.phones)
    assert all(0 <= start <= end <= len(text) for start, end in result.spans)


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789.,:/-~+()%$₩월시개번일도 kmCAa@'·^=×½°²ㅋ大不率あっん", max_size=24))
@example("+82-10-1234-5678")
def test_numbers_and_signs_in_any_order_are_read(text: str) -> None:
    try:
        result = phonemize_plain(text, "ko")
    except BadInput:
        return
    assert set(result.phones) <= KOREAN
    assert not any(character.isdigit() for character in result.norm_text)


@pytest.mark.parametrize("text", ["1-" * 5000, "가" * 10000, "a." * 5000, "1" * 20000, "ㅋ" * 10000])
def test_long_texts_take_no_time(text: str) -> None:
    assert phonemize_plain(text, "ko").phones
