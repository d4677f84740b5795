"""List the clips and decode them once into what the stages read.

    python recipes/lite/prepare.py --speech SPEECH --work WORK [--languages en zh]

Writes into WORK ``clips.jsonl`` (see `listing`) and the frames (see `features`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from corpus import BINS, read_listing
from features import write_features
from listing import languages_with_enough, listed, table, write_listing

AT_ONCE = 24


def main() -> None:
    """List and decode."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--speech", type=Path, required=True, help="train/manifest.tsv and test/transcripts.tsv are in it"
    )
    parser.add_argument("--languages", nargs="*", default=[], help="by default those of which there is enough")
    parser.add_argument("--kinds", nargs="+", choices=list(BINS), default=list(BINS))
    parser.add_argument("--list-only", action="store_true", help="decode nothing")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    enough = languages_with_enough(table(options.speech / "train" / "manifest.tsv"))
    for name, (hours, speakers, is_enough) in enough.items():
        print(f"{name}: {hours:.1f} h of sentences, {speakers} speakers{'' if is_enough else ': too little'}")
    write_listing(options.work, listed(options.speech, options.languages))
    files = [(number, clip["file"]) for number, clip in enumerate(read_listing(options.work))]
    print(f"{len(files)} clips are listed", flush=True)
    if not options.list_only:
        tasks = [("files", files[at : at + AT_ONCE]) for at in range(0, len(files), AT_ONCE)]
        write_features(options.work, tasks, options.speech, options.kinds, options.processes)


if __name__ == "__main__":
    main()
