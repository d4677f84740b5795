"""Rebuilds the recording that `myna demo` clones when it is given none.

Takes two Debian packages (prompts of a telephone exchange as G.722, and their texts), joins whole sentences of one
speaker with natural pauses, and writes the recording, its transcript and its attribution into the package's assets::

    python recipes/demo/build.py            # needs apt-get, dpkg-deb and a Debian mirror
    python recipes/demo/build.py --debs DIR # with both .deb files already there
"""

from __future__ import annotations

import argparse
import gzip
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from myna.audio.encode import write_audio
from myna.audio.io import decode
from myna.audio.loudness import check_recording, peak_dbfs, rms_dbfs

SOUNDS = "asterisk-core-sounds-en-g722"
TEXTS = "asterisk-core-sounds-en"
ASSETS = Path(__file__).resolve().parents[2] / "src" / "myna" / "assets" / "demo"

RATE_HZ = 16000
PAUSE_S = 0.5
MARGIN_S = 0.06  # kept before the first and after the last sound of a prompt
FADE_S = 0.005
EDGE_DBFS = -45.0  # below this, the edge of a prompt is silence

PROMPTS = (
    "demo-echotest",
    "tt-weasels",
    "queue-periodic-announce",
    "vm-tmpexists",
    "followme/status",
    "vm-savefolder",
    "privacy-unident",
    "vm-nobox",
    "tt-monkeysintro",
    "vm-newuser",
    "confbridge-lock-no-join",
    "vm-mismatch",
)
"""Whole sentences; together they hold every English phone but ZH."""

SPOKEN = {
    "demo-echotest": ("You are about to", "You're about to"),
    "queue-periodic-announce": ("represenatives", "representatives"),
    "vm-savefolder": ("save the message", "save this message"),
    "privacy-unident": ("you are trying", "you're trying"),
}
"""Where the speaker says something else than the published text, or the text is misspelt: (published, spoken)."""


@dataclass(frozen=True)
class Package:
    """An unpacked Debian package."""

    name: str
    version: str
    root: Path


def main() -> None:
    """Build everything; says what it measured."""
    parser = argparse.ArgumentParser(description="Rebuild the demo recording.")
    parser.add_argument("--debs", type=Path, help="folder that holds both .deb files; without it they are downloaded")
    parser.add_argument("--out", type=Path, default=ASSETS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sounds, texts = (unpacked(name, options.debs, Path(folder)) for name in (SOUNDS, TEXTS))
        published = read_texts(texts)
        samples = joined([trimmed(read_g722(prompt_file(sounds, name))) for name in PROMPTS])
        lines = [sentence for name in PROMPTS for sentence in sentences(spoken_text(name, published))]
        attribution = attribution_text(sounds, texts)
    options.out.mkdir(parents=True, exist_ok=True)
    write_audio(options.out / "recording.flac", samples, RATE_HZ)
    (options.out / "transcript.txt").write_text("\n".join(lines) + "\n", "utf-8")
    (options.out / "ATTRIBUTION.md").write_text(attribution, "utf-8")
    report(options.out / "recording.flac", lines)


def unpacked(name: str, debs: Path | None, folder: Path) -> Package:
    """Download (unless ``debs`` has it) and unpack one package into ``folder``."""
    if debs is None:
        subprocess.run(["apt-get", "download", "-o", "APT::Sandbox::User=root", name], cwd=folder, check=True)
    files = sorted((debs or folder).glob(f"{name}_*.deb"))
    if len(files) != 1:
        raise SystemExit(f"one file {name}_*.deb is needed in {debs or folder}, {len(files)} are there")
    root = folder / name
    subprocess.run(["dpkg-deb", "-x", str(files[0]), str(root)], check=True)
    version = subprocess.run(
        ["dpkg-deb", "-f", str(files[0]), "Version"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return Package(name, version, root)


def prompt_file(sounds: Package, name: str) -> Path:
    """Where a prompt of the American English speaker lies."""
    return sounds.root / "usr/share/asterisk/sounds/en_US_f_Allison" / f"{name}.g722"


def read_texts(texts: Package) -> dict[str, str]:
    """The published texts by prompt name (lines ``name: text``; ``;`` begins a comment)."""
    path = texts.root / "usr/share/doc" / TEXTS / "core-sounds-en.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    return {name.strip(): text.strip() for name, text in pairs}


def spoken_text(name: str, published: dict[str, str]) -> str:
    """What the speaker says in a prompt."""
    text = published[name]
    if name in SPOKEN:
        said = text.replace(*SPOKEN[name])
        if said == text:
            raise SystemExit(f"the published text of {name} has changed; look at SPOKEN again: {text}")
        text = said
    return text


def sentences(text: str) -> list[str]:
    """The sentences of a prompt, each with a capital and a full stop."""
    parts = [part.strip() for part in re.split(r"(?<=[.!?])\s+", text)]
    return [part[0].upper() + part[1:] + ("" if part[-1] in ".!?" else ".") for part in parts if part]


def read_g722(path: Path) -> np.ndarray:
    """A raw G.722 file (64 kbit/s, 16 kHz) as float32 ``(T,)``."""
    with av.open(str(path), format="g722") as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    return np.concatenate(frames).astype(np.float32) / np.float32(32768)


def trimmed(samples: np.ndarray) -> np.ndarray:
    """The prompt without the silence at its edges, faded in and out over a few milliseconds."""
    frame = RATE_HZ // 100
    levels = [rms_dbfs(samples[start : start + frame]) for start in range(0, len(samples) - frame + 1, frame)]
    loud = [index for index, level in enumerate(levels) if level > EDGE_DBFS]
    margin = int(MARGIN_S * RATE_HZ)
    sound = samples[max(0, loud[0] * frame - margin) : (loud[-1] + 1) * frame + margin].copy()
    ramp = np.linspace(0.0, 1.0, int(FADE_S * RATE_HZ), dtype=np.float32)
    sound[: len(ramp)] *= ramp
    sound[-len(ramp) :] *= ramp[::-1]
    return sound


def joined(prompts: list[np.ndarray]) -> np.ndarray:
    """All prompts in a row, a pause after each."""
    pause = np.zeros(int(PAUSE_S * RATE_HZ), np.float32)
    return np.concatenate([part for prompt in prompts for part in (prompt, pause)])


def attribution_text(sounds: Package, texts: Package) -> str:
    """What the licence asks to be said beside the recording."""
    changes = "\n".join(f'- {name}: "{old}" is "{new}"' for name, (old, new) in SPOKEN.items())
    return f"""# The demo recording

`recording.flac` and `transcript.txt` are adapted from the Asterisk core sounds, recorded by Allison Smith
(theivrvoice.com), financed by Digium, Inc.; copyright 2003-2010 Allison Smith.

- Licence: Creative Commons Attribution-ShareAlike 3.0 (CC BY-SA 3.0),
  https://creativecommons.org/licenses/by-sa/3.0/. Both files stay under this licence; Myna's MIT licence does not
  cover them.
- Source: Debian packages {sounds.name} {sounds.version} (sound) and {texts.name} {texts.version} (texts); upstream
  https://downloads.asterisk.org/pub/telephony/sounds/.
- Prompts, in this order: {", ".join(PROMPTS)}.

Changes: decoded from G.722 to 16 kHz PCM; silence at the edges of each prompt removed; joined with pauses of
{PAUSE_S} s; stored as FLAC. The texts are split into one sentence per line, with capitals and full stops, and follow
what is spoken where the published text differs:

{changes}

Rebuilt by `recipes/demo/build.py`.
"""


def report(recording: Path, lines: list[str]) -> None:
    """Check the finished file as any recording is checked, and tell its measures."""
    audio = decode(recording)
    check_recording(audio)
    words = sum(len(line.split()) for line in lines)
    levels = f"peak {peak_dbfs(audio.samples):.1f} dBFS, RMS {rms_dbfs(audio.samples):.1f} dBFS"
    size = recording.stat().st_size
    print(f"{recording}: {audio.seconds:.1f} s, {audio.sample_rate} Hz, {size} bytes, {levels}")
    print(f"{len(lines)} sentences, {words} words")


if __name__ == "__main__":
    main()
