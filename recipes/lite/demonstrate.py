"""Let held-out speakers say new sentences, for `docs/samples`: like one clip of theirs, and trained on a minute of it.

    python recipes/lite/demonstrate.py --speech SPEECH --home WORK/voices --to docs/samples [--speakers LJ …]

Nothing but made speech is written, with the weights that ship. Voices are trained by `myna clone` in HOME and kept
there, so a call that was stopped goes on. A table in README.md says what each file is and how a voiceprint likes it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from myna.audio.encode import encode
from myna.audio.io import decode, write_wav
from myna.core.card import read_card
from myna.core.errors import BadInput
from myna.core.progress import silent
from myna.core.speech import SpeechRequest, Voice
from myna.core.versions import version
from myna.core.workspace import Workspace
from myna.engine.bench_speech import Person, Utterance, read_people
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.voiceprint import mean_voiceprint, similarity, voiceprint

LITE = version("lite")
SENTENCES = (
    "The harbour was quiet when the first boats came home.",
    "Please put the blue book back on the second shelf.",
)
FEW_SHOT_S = 60.0
_PAUSE_S = 0.7
_HEAD = """# Samples of the bundled base

Made speech only, by `recipes/lite/demonstrate.py` with the weights that ship: new sentences by speakers that no net was
trained on. "One clip": like a reference of at most 10 s, nothing is trained. "A minute": after `myna clone` on 60 s of
the speaker{rounds}. Likeness is the cosine of a GE2E voiceprint to the speaker's own utterances; that of these
utterances among each other stands in brackets.
Each is the first take, none was chosen.

| file | speaker | learnt from | says | seconds | likeness |
|---|---|---|---|---|---|
"""


def minute_of(person: Person, folder: Path) -> tuple[Path, Path]:
    """A recording of at most a minute, utterances with pauses between them, and its subtitles."""
    sound, cues, at = [], [], 0.0
    for one in person.others:
        if not one.text or at + one.seconds > FEW_SHOT_S:
            continue
        cues.append(f"{len(cues) + 1}\n{_clock(at)} --> {_clock(at + one.seconds)}\n{one.text}\n")
        sound += [one.samples, np.zeros(round(_PAUSE_S * DATASET_RATE_HZ), np.float32)]
        at += one.seconds + _PAUSE_S
    if not cues:
        raise BadInput(f"of {person.name} there are no utterances with their words; choose another speaker")
    folder.mkdir(parents=True, exist_ok=True)
    recording = folder / f"{person.name}.wav"
    write_wav(recording, np.concatenate(sound), DATASET_RATE_HZ)
    recording.with_suffix(".srt").write_text("\n".join(cues), encoding="utf-8")
    return recording, recording.with_suffix(".srt")


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"


def cloned(person: Person, home: Path, epochs: int | None) -> Voice:
    """The voice trained on a minute of the speaker, for as many rounds as `myna clone` does, or for ``epochs``."""
    name = "".join(char if char.isalnum() else "_" for char in person.name)
    recording, words = minute_of(person, home / "recordings")
    clone = [sys.executable, "-c", "from myna.cli import main; main()", "clone", str(recording), "--name", name]
    clone += ["--epochs-sovits", str(epochs), "--epochs-gpt", str(epochs)] if epochs else []
    environment = os.environ | {"MYNA_HOME": str(home)}
    subprocess.run([*clone, "--transcript", str(words), "--i-have-consent"], check=True, env=environment)
    return read_card(Workspace(home).existing_voice(name))


def referenced(person: Person, home: Path) -> Voice:
    """The voice of the speaker's reference alone."""
    path = home / "references" / f"{person.name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, person.reference.samples, DATASET_RATE_HZ)
    return Voice(version=LITE.name, reference=path, reference_text=person.reference.text, reference_language="en")


def likeness(person: Person, samples: np.ndarray, rate: int, without: Utterance | None = None) -> float:
    """Of a sound to the speaker's own utterances."""
    prints = [voiceprint(one.samples, DATASET_RATE_HZ) for one in person.others if one is not without]
    return similarity(voiceprint(samples, rate), mean_voiceprint(prints))


def write_row(person: Person, kind: str, text: str, file: Path, own: float | None) -> str:
    """The table's line of a file."""
    made = decode(file)
    alike = f"{likeness(person, made.samples, made.sample_rate):.2f} ({'–' if own is None else f'{own:.2f}'})"
    link = f"[{file.name}]({file.name})"
    return f"| {link} | {person.name} | {kind} | {text} | {made.seconds:.1f} | {alike} |\n"


def demonstrate(person: Person, options: argparse.Namespace) -> str:
    """Write the files of one speaker; returns their lines of the table."""
    home, to = options.home.resolve(), options.to
    speaker, rows = LocalSpeaker(Path("models"), "cpu"), []
    others = [one for one in person.others if len(person.others) > 1]
    own = float(np.mean([likeness(person, o.samples, DATASET_RATE_HZ, o) for o in others])) if others else None
    for kind, file_kind in (("one clip", "zero-shot"), ("a minute", "few-shot")):
        if kind == "a minute" and person.name not in options.trained:
            continue
        voice = referenced(person, home) if kind == "one clip" else cloned(person, home, options.epochs)
        for number, text in enumerate(SENTENCES, start=1):
            request = SpeechRequest(text=text, voice=voice, language="en", seed=number)
            sound = np.concatenate([chunk.samples for chunk in speaker.say(request)])
            file = to / f"{person.name}-{file_kind}-{number}.opus"
            file.write_bytes(encode(sound, LITE.output_rate_hz, "opus"))
            rows.append(write_row(person, kind, text, file, own))
            print(rows[-1], end="", flush=True)
    return "".join(rows)


def main() -> None:
    """Write all files and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True, help="where voices are trained")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--speakers", nargs="+", default=["LJ"], help="held-out speakers")
    parser.add_argument("--trained", nargs="*", default=["LJ"], help="those of them with words to be trained on")
    parser.add_argument("--epochs", type=int, help="rounds of training; by default those of `myna clone`")
    options = parser.parse_args()
    people = {person.name: person for person in read_people(options.speech, silent)}
    if strange := sorted(set(options.speakers) - set(people)):
        raise BadInput(f"{', '.join(strange)} is not held out; choose of: {', '.join(people)}")
    options.to.mkdir(parents=True, exist_ok=True)
    rows = [demonstrate(people[name], options) for name in options.speakers]
    rounds = f", {options.epochs} rounds only" if options.epochs else ""
    (options.to / "README.md").write_text(_HEAD.format(rounds=rounds) + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
