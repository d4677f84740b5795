"""How good the bundled base's content encoder, tokens and GPT are, each by itself and without a sound being made.

All is measured on strangers. Phones are compared with those of the transcripts. A token is read as the phone that the
encoder's own frame head hears in its code vector, so features, tokens and the GPT's tokens are measured alike, and what
each of them loses is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from myna.audio.io import resample
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.engine.bench_speech import Person, Utterance
from myna.engine.bench_table import BenchRow
from myna.engine.edit_distance import edits
from myna.engine.features.alignment import heard_phones
from myna.engine.features.content import CONTENT_RATE_HZ, DATASET_RATE_HZ
from myna.engine.library import Library
from myna.engine.synthesis.prompt import Prompt
from myna.engine.synthesis.takes import Script, draw_tokens, expected_tokens, oddness
from myna.models.content import CTC_PHONES, ContentOutput, LiteContent
from myna.models.sampling import Sampling
from myna.models.sovits_flow import SovitsFlow
from myna.text.frontend import phonemize
from myna.text.symbols import phone_ids

BAD_END = math.log(2.0)
"""A sentence of half or double the length that is expected ended too early or too late."""

_WINDOW = 25
"""Frames whose mean the probe sees: 1 s."""
_RIDGE = 0.1


class PhoneBench:
    """The measurements on one set of speakers."""

    def __init__(self, version: ModelVersion, people: Sequence[Person], library: Library) -> None:
        encoder, sovits = library.content(version), library.sovits(version)
        assert isinstance(encoder, LiteContent)  # the bundled version's
        assert isinstance(sovits, SovitsFlow)  # as well
        self.version, self.people, self.library = version, people, library
        self.encoder, self.sovits = encoder, sovits

    @torch.inference_mode()
    def content(self, progress: Progress) -> list[BenchRow]:
        """Phones that are heard by the CTC head and frame by frame, and how well a linear probe tells the speaker."""
        heard, framed, said = 0, 0, 0
        features: list[list[Tensor]] = []
        mels: list[list[Tensor]] = []
        for number, person in enumerate(self.people):
            progress(number / len(self.people), f"content, {person.name}")
            rows = [(one, *self._heard(one)) for one in (person.reference, *person.others)]
            features.append([out.features[0] for _, _, out in rows])
            mels.append([frames[::4] for _, frames, _ in rows])
            for one, _, out in rows:
                wanted = spoken_phones(one.text)
                scores = out.ctc_logits[0].float().cpu().numpy()
                heard += edits(wanted, [phone.rstrip("012") for phone in heard_phones(scores)]) if wanted else 0
                framed += edits(wanted, read_frames(out.frame_logits[0].argmax(-1))) if wanted else 0
                said += len(wanted)
        note = f"{said} phones of {len(self.people)} speakers never trained on"
        guessed = f"a linear probe on the mean of each second; chance is {1 / len(self.people):.2g}"
        return [
            BenchRow("content: phone error rate", heard / max(said, 1), "", f"CTC; {note}"),
            BenchRow(
                "content: phone error rate of frames", framed / max(said, 1), "", f"the best phone of each; {note}"
            ),
            BenchRow("content: speaker told", probe(features), "", guessed),
            BenchRow("mel: speaker told", probe(mels), "", f"for comparison: {guessed}"),
        ]

    @torch.inference_mode()
    def codes(self, progress: Progress) -> list[BenchRow]:
        """Phones that are left in the tokens, and how well the codebook is used."""
        wrong, said, per_person, used = 0, 0, [], torch.zeros(self.version_codes())
        for number, person in enumerate(self.people):
            progress(number / len(self.people), f"tokens, {person.name}")
            rows = [(one, self._codes(one)) for one in (person.reference, *person.others)]
            per_person.append([self._vectors(codes) for _, codes in rows])
            for one, codes in rows:
                wanted = spoken_phones(one.text)
                wrong += edits(wanted, self.read_codes(codes)) if wanted else 0
                said += len(wanted)
                used += torch.bincount(codes.cpu(), minlength=len(used))
        share = used / used.sum()
        perplexity = float((-(share * share.clamp(min=1e-9).log()).sum()).exp())
        note = f"{said} phones; each token read as the phone that its code sounds like"
        return [
            BenchRow("codes: phone error rate", wrong / max(said, 1), "", note),
            BenchRow("codes: speaker told", probe(per_person), "", "as of content, from the codes' vectors"),
            BenchRow("codes: perplexity", perplexity, "", f"of {len(used)} codes, on these speakers"),
        ]

    @torch.inference_mode()
    def gpt(self, texts: Sequence[str], prompts: Sequence[Prompt], progress: Progress) -> list[BenchRow]:
        """Phones in the tokens that the GPT says ``texts`` with behind the ``prompts`` in turn, drawn once."""
        net = self.library.gpt(self.version)
        sampling = Sampling(15, 1.0, self.version.temperature, self.version.repetition_penalty)
        wrong, said, bad = 0, 0, 0
        for number, text in enumerate(texts):
            progress(number / len(texts), f"GPT: {text}")
            prompt = prompts[number % len(prompts)]
            script = self._script(text, prompt, number)
            given = (prompt.codes, prompt.spoken) if prompt.leads else (None, None)
            drawn = list(draw_tokens(net, script, given[0], sampling, number, given[1]))
            wanted = spoken_phones(text)
            wrong += edits(wanted, self.read_codes(torch.tensor(drawn, dtype=torch.long, device=self.library.device)))
            said += len(wanted)
            bad += len(drawn) >= script.limit or oddness(len(drawn), script.expected) > BAD_END
        note = f"{len(texts)} new sentences behind the references, {said} phones, one draw each"
        return [
            BenchRow("gpt: phone error rate", wrong / max(said, 1), "", f"{note}; compare with codes"),
            BenchRow(
                "gpt: bad ends", bad / max(len(texts), 1), "", f"{note}; half or double the expected length, or none"
            ),
        ]

    def version_codes(self) -> int:
        """How many codes there are."""
        return int(self.sovits.quantizer.codebook.embed.shape[0])

    def read_codes(self, codes: Tensor) -> list[str]:
        """The phones that tokens (T,) sound like."""
        return read_frames(self.encoder.frame_head(self._vectors(codes)).argmax(-1)) if len(codes) else []

    def _vectors(self, codes: Tensor) -> Tensor:
        """Codes (T,) to their vectors (T, width)."""
        return self.sovits.quantizer.codebook.embed[codes]

    def _heard(self, one: Utterance) -> tuple[Tensor, ContentOutput]:
        """Log-mel frames (T100, bands) and all that the encoder answers."""
        samples = torch.from_numpy(resample(one.samples, DATASET_RATE_HZ, CONTENT_RATE_HZ)).to(self.library.device)
        frames = self.encoder.front(samples[None])
        return frames[0], self.encoder.encode(frames, torch.tensor([frames.shape[1]], device=frames.device))

    def _codes(self, one: Utterance) -> Tensor:
        content = self._heard(one)[1].features.transpose(1, 2).repeat_interleave(2, dim=2)
        return self.sovits.extract_codes(content)[0]

    def _script(self, text: str, prompt: Prompt, seed: int) -> Script:
        ids = phone_ids(phonemize(text, "en").phones, self.version.symbols)
        own = torch.tensor([ids], device=self.library.device)
        if not prompt.leads:
            return Script(own, None, expected_tokens(len(ids)), [seed])
        expected = expected_tokens(len(ids), prompt.phones.shape[1], prompt.codes.shape[1])
        return Script(torch.cat((prompt.phones, own), dim=1), None, expected, [seed])


def spoken_phones(text: str) -> list[str]:
    """The phones of ``text`` that are heard, without stress; none of an empty text."""
    phones = (phone.rstrip("012") for phone in (phonemize(text, "en").phones if text else ()))
    return [phone for phone in phones if phone in CTC_PHONES]


def read_frames(classes: Tensor) -> list[str]:
    """The phones of a row of frame classes (T,), 0 silence: repeats are one."""
    row = [0, *classes.tolist()]
    return [
        CTC_PHONES[after - 1] for before, after in pairwise(row) if after != before and 0 < after <= len(CTC_PHONES)
    ]


def probe(people: Sequence[Sequence[Tensor]]) -> float:
    """How often a linear probe tells whose second of speech it is, each person counting the same, 0 to 1.

    ``people`` has each one's utterances (T, W). Every other utterance is learnt from, by ridge regression.
    """
    learnt, tested = ([_seconds(own[start::2]) for own in people] for start in (0, 1))
    if not all(len(rows) for rows in (*learnt, *tested)):
        return math.nan
    x = torch.cat(learnt)
    mean, scale = x.mean(0), x.std(0).clamp(min=1e-5)

    def seen(rows: Tensor) -> Tensor:
        return torch.cat(((rows - mean) / scale, torch.ones(len(rows), 1)), dim=1)

    inputs = seen(x)
    who = torch.repeat_interleave(torch.arange(len(people)), torch.tensor([len(rows) for rows in learnt]))
    targets = torch.nn.functional.one_hot(who, len(people)).float()
    # Each person weighs the same, however much there is of him.
    weights = (1.0 / torch.bincount(who).float())[who, None]
    normal = inputs.T @ (weights * inputs) + _RIDGE * torch.eye(inputs.shape[1])
    solved = torch.linalg.solve(normal, inputs.T @ (weights * targets))
    right = [float(((seen(rows) @ solved).argmax(1) == number).float().mean()) for number, rows in enumerate(tested)]
    return sum(right) / len(right)


def _seconds(utterances: Iterable[Tensor]) -> Tensor:
    """The means (N, W) of every whole second of utterances (T, W); of a shorter one its mean."""
    found = []
    for frames in utterances:
        size = min(_WINDOW, len(frames))
        count = len(frames) // max(size, 1)
        found.append(frames[: count * size].float().cpu().reshape(count, size, -1).mean(1))
    return torch.cat(found) if found else torch.zeros(0, 1)
