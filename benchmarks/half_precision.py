"""How much of what the features say survives bfloat16: tokens of real speech by the bundled base, against float32.

    python benchmarks/half_precision.py RECORDINGS [--most 25]

RECORDINGS is a folder with recordings of people; at most ten seconds of each are heard, those of a shuffled list.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch

from myna.audio.io import decode
from myna.core.versions import version
from myna.engine.features.content import contents_of
from myna.engine.library import Library

_KINDS = {".flac", ".mp3", ".ogg", ".opus", ".wav"}
_CONTENT_RATE_HZ = 16_000


def main() -> None:
    """Print the share of equal tokens, and how alike the features are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--most", type=int, default=25, help="recordings")
    given = parser.parse_args()
    files = sorted(path for path in given.recordings.rglob("*") if path.suffix.lower() in _KINDS)
    random.Random(0).shuffle(files)
    library, record = Library(Path(), "cpu"), version("lite")
    encoder, net = library.content(record), library.sovits(record)
    equal = total = 0
    likeness = []
    for path in files[: given.most]:
        heard = decode(path, _CONTENT_RATE_HZ).samples[: 10 * _CONTENT_RATE_HZ]
        sound = heard * np.float32(record.content_gain)
        whole, half = (contents_of(encoder, [sound], kind)[0] for kind in (torch.float32, torch.bfloat16))
        assert whole is not None
        assert half is not None
        # As they are stored: float16.
        with torch.inference_mode():
            tokens = [net.extract_codes(content.half().float())[0] for content in (whole, half)]
        equal += int((tokens[0] == tokens[1]).sum())
        total += len(tokens[0])
        likeness.append(float(torch.cosine_similarity(whole[0], half[0], dim=0).min()))
    print(f"{total} tokens of {len(likeness)} recordings: {100 * equal / total:.2f} % are the same")
    print(f"cosine between the features, the worst frame of all: {min(likeness):.5f}")


if __name__ == "__main__":
    main()
