"""How many characters of text a second become phones, once warm, and how long the first text takes, for each language.

Run: ``python benchmarks/text.py``; each language in a process of its own; seconds of one core. Exit status 1 where one
is slower than it should be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

ENOUGH_PER_S = 5_000
ENOUGH_FIRST_S = 3.0
SENTENCES = {
    "zh": [
        "今天天气真不错，我们去公园散步吧。",
        "这件东西一共500元，打八折以后是400元。",
        "他在2024年5月1日跑了5km，用时30分钟。",
        "人工智能是计算机科学的一个分支，它企图了解智能的实质。",
        "银行行长说，明年的利润大概会增长百分之二十。",
        "小朋友们正在院子里玩耍，老奶奶坐在门口晒太阳。",
    ],
    "en": [
        "The weather is lovely today, so let us take a walk in the park.",
        "It costs $49.99 in total, or $39.99 with the discount.",
        "On May 1, 2024 he ran five miles in 45 minutes.",
        "Dr. Smith lives at the end of the road; I read his book yesterday.",
        "Artificial intelligence is a branch of computer science.",
    ],
    "ja": [
        "今日はとても天気がいいので、公園へ散歩に行きましょう。",
        "電話番号は03-1234-5678です。",
        "日本のアニメは世界中で人気があります。",
        "2024年5月1日に、新しい図書館が開きました。",
        "吾輩は猫である。名前はまだ無い。",
    ],
    "ko": [
        "안녕하세요, 만나서 반갑습니다!",
        "오늘은 2024년 5월 1일입니다.",
        "날씨가 좋아서 공원에 산책하러 갔습니다.",
        "대한민국은 민주공화국이다.",
        "이 책은 만오천 원이고 저 책은 20,000원입니다.",
    ],
    "yue": [
        "今日天氣好好，我哋去公園行下啦。",
        "唔該，請問地鐵站喺邊度？",
        "佢話聽日九點半喺門口等你。",
        "呢本書一百二十蚊，嗰本就平啲。",
    ],
}
"""Sentences as they are spoken; numbered copies of them are measured, so that no cache knows them."""


def measure(language: str, num_characters: int) -> dict[str, float]:
    """Seconds of the first text (with the imports), and characters a second afterwards."""
    started = time.process_time()
    from myna.text.frontend import phonemize  # the import is measured

    sentences = SENTENCES[language]
    phonemize(sentences[0], language)
    first = time.process_time() - started
    for sentence in sentences:
        phonemize(sentence, language)
    done, number = 0, 0
    started = time.process_time()
    while done < num_characters:
        text = sentences[number % len(sentences)] + str(number)
        phonemize(text, language)
        done += len(text)
        number += 1
    return {"first_s": first, "per_s": done / (time.process_time() - started)}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", default=list(SENTENCES), help="of zh, en, ja, ko, yue")
    parser.add_argument("--characters", type=int, default=20_000)
    parser.add_argument("--here", action="store_true", help="measure the first language in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.languages[0], arguments.characters)))
        return
    are_fast = True
    print("| language | characters a second | first text, s |\n| --- | --- | --- |")
    for language in arguments.languages:
        command = [sys.executable, __file__, language, "--here", "--characters", str(arguments.characters)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        are_fast &= found["per_s"] >= ENOUGH_PER_S and found["first_s"] < ENOUGH_FIRST_S
        print(f"| {language} | {found['per_s']:,.0f} | {found['first_s']:.2f} |")
    sys.exit(0 if are_fast else 1)


if __name__ == "__main__":
    main()
