"""Speech of the VITS kind that is heard while its tokens are still being drawn.

With every chunk of tokens all of them are encoded again, since each hears the others; but sound is made only from a
little before the new ones on. The end of what is made is held back, for it has not heard what follows, and is blended
with the next chunk's beginning: both speak over the same noise, so that they agree and no click or echo is left.

The official program blends by sine and cosine over other noise (`SovitsVits.decode_part`) and shifts the chunks to
where they fit; that makes joins louder and speech up to 10 ms shorter each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from myna.core.speech import SpeechRequest
from myna.engine.synthesis.decoders import VitsDecoder
from myna.engine.synthesis.tokens import cut_chunks, mute_similarity
from myna.models.gpt_decoding import GptDecoder

FRAMES_PER_TOKEN = 2
CONTEXT_TOKENS = {"quiet": 16, "fixed": 4}
"""How many tokens in front of what is new are sounded again, so that it hears what it follows: the nets reach back by
about sixteen (0.6 s); those of the quick way are the nearest quarter."""


class VitsStream:
    """One sentence in the making: `add` tokens, take sound. ``phones`` (1, Tx) are all that it will say."""

    def __init__(
        self, decoder: VitsDecoder, phones: Tensor, *, speed: float, seed: int, overlap: int, context: int
    ) -> None:
        """``overlap`` tokens are held back, ``context`` ones sounded again with each chunk."""
        self._decoder, self._phones, self._speed = decoder, phones, speed
        self._overlap = max(round(overlap * FRAMES_PER_TOKEN / speed), 1)
        self._context = round(context * FRAMES_PER_TOKEN / speed)
        self._generator = torch.Generator(decoder.device).manual_seed(seed)
        self._codes: list[int] = []
        empty = torch.zeros(1, decoder.net.sizes.hidden, 0, device=decoder.device)
        self._features = self._noise = empty
        self._given = 0
        """Frames handed out."""
        self._held = empty[0, 0]

    @torch.inference_mode()
    def add(self, tokens: Sequence[int], *, is_last: bool) -> np.ndarray:
        """The sound (T,) that ``tokens`` have made sure; may be none before the last chunk."""
        self._codes += tokens
        length = self._length(is_last)
        sound = self._held
        if length > self._features.shape[-1]:
            self._take_in(length)
            sound = _blended(self._held, self._sound(length), self._held.shape[-1])
        hop = sound.shape[-1] // max(length - self._given, 1)
        kept = 0 if is_last else min(self._overlap, length - self._given)
        self._given = length - kept
        end = sound.shape[-1] - kept * hop
        self._held = sound[end:]
        samples: np.ndarray = sound[:end].float().cpu().numpy()
        return samples

    def _length(self, is_last: bool) -> int:
        """How many frames the tokens so far make; the whole sentence has as many as decoded at once."""
        count = len(self._codes) * FRAMES_PER_TOKEN
        if self._speed == 1.0 or not count:
            return count
        return int(count / self._speed) + 1 if is_last else int((count - 0.5) / self._speed + 0.5)

    def _take_in(self, length: int) -> None:
        """Encode all tokens: what was handed out stays, what was held back turns into how it is heard now."""
        codes = torch.tensor([self._codes], device=self._decoder.device)
        fresh, _ = self._decoder.net.prior(codes, self._phones, self._decoder.speaker)
        fresh = _stretched(fresh, length, self._speed)
        held = self._features[..., self._given :]
        turning = _blended(held, fresh[..., self._given :], held.shape[-1])
        self._features = torch.cat((self._features[..., : self._given], turning), dim=-1)
        num_more, width = length - self._noise.shape[-1], fresh.shape[1]
        more = torch.randn(num_more, width, generator=self._generator, device=fresh.device)
        self._noise = torch.cat((self._noise, more.t()[None]), dim=-1)

    def _sound(self, length: int) -> Tensor:
        """Samples from what was handed out on."""
        start = max(self._given - self._context, 0)
        net, noise = self._decoder.net, self._noise[..., start:length]
        sound = net.sound(self._features[..., start:], self._decoder.speaker, noise=noise)[0, 0]
        return sound[(self._given - start) * (sound.shape[-1] // (length - start)) :]


def streamed(
    request: SpeechRequest, decoder: VitsDecoder, gpt: GptDecoder, phones: Tensor, tokens: Iterator[int], seed: int
) -> Iterator[tuple[np.ndarray, bool]]:
    """The sound of one piece, part by part as ``tokens`` come, and whether it is the last one."""
    quietness = None
    if request.stream == "quiet":
        quietness = mute_similarity(gpt.gpt.ar_audio_embedding.word_embeddings.weight).cpu()
    context = CONTEXT_TOKENS[request.stream]
    stream = VitsStream(
        decoder, phones, speed=request.speed, seed=seed, overlap=request.stream_overlap, context=context
    )
    for chunk in cut_chunks(tokens, request.stream_tokens, quietness):
        sound = stream.add(chunk.tokens, is_last=chunk.is_last)
        if len(sound) or chunk.is_last:
            yield sound, chunk.is_last


def _stretched(features: Tensor, length: int, speed: float) -> Tensor:
    """Features (1, C, T) at ``length`` places that are ``speed`` apart, whatever comes behind them."""
    if speed == 1.0:
        return features
    last = features.shape[-1] - 1
    places = ((torch.arange(length, device=features.device) + 0.5) * speed - 0.5).clamp(0, last)
    left = places.long()
    return torch.lerp(features[..., left], features[..., (left + 1).clamp(max=last)], (places - left).to(features))


def _blended(before: Tensor, after: Tensor, length: int) -> Tensor:
    """``after`` (…, T), whose first ``length`` places come out of ``before`` (…, length); like sounds stay as loud."""
    if not length:
        return after
    turn = torch.arange(1, length + 1, device=after.device) / (length + 1)
    rise = (turn * (torch.pi / 2)).sin().square().to(after)
    return torch.cat((torch.lerp(before, after[..., :length], rise), after[..., length:]), dim=-1)
