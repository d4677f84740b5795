"""Fast generation with a `Gpt`: weights laid out for single steps, a key-value cache that grows, few operations a step.

One step reads every weight once for one row of activations, so it is bound by memory: the transposed layout is about
twice as fast as ``nn.Linear`` on a CPU, half-precision weights twice as fast again (official checkpoints are stored in
half precision, so theirs lose nothing). Shapes: B sentences, N new columns, T columns so far, W width, D head width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from myna.core.errors import BadInput
from myna.models.gpt_following import Following, ages
from myna.models.gpt_layers import Layer, attention_mask, sine_table
from myna.models.sampling import Noise, RowNoise, Sampling, choose

if TYPE_CHECKING:
    from myna.models.gpt import Gpt

MAX_TOKENS = 1500
"""The official limit of one sentence: 60 s at 25 tokens a second."""

MIN_TOKENS = 11
"""The end token cannot be drawn before this many tokens (official rule)."""

_CACHE_BLOCK = 256

Project = Callable[[Tensor], Tensor]
"""(rows, in) -> (rows, out)."""


def has_half_weights(device: torch.device) -> bool:
    """Whether half-precision weights with float32 arithmetic are available: x86 CPUs, through FBGEMM."""
    return device.type == "cpu" and torch.backends.quantized.engine in ("x86", "fbgemm", "onednn")


def _project(weight: Tensor, bias: Tensor, half: bool) -> Project:
    if half:
        packed = torch.ops.quantized.linear_prepack_fp16(weight.detach().float(), bias.detach().float())
        return lambda x: torch.ops.quantized.linear_dynamic_fp16(x, packed)
    bias = bias.detach()
    if weight.device.type != "cpu":
        weight = weight.detach()
        return lambda x: F.linear(x, weight, bias)
    transposed = weight.detach().t().contiguous()
    return lambda x: torch.addmm(bias, x, transposed)


class _LayerStep:
    """One layer's weights, ready for rows of activations."""

    def __init__(self, layer: Layer, half: bool) -> None:
        attention = layer.self_attn
        self.packed = _project(attention.in_proj_weight, attention.in_proj_bias, half)
        self.out = _project(attention.out_proj.weight, attention.out_proj.bias, half)
        self.up = _project(layer.linear1.weight, layer.linear1.bias, half)
        self.down = _project(layer.linear2.weight, layer.linear2.bias, half)
        self.shape = layer.norm1.normalized_shape
        self.norm1 = (layer.norm1.weight.detach(), layer.norm1.bias.detach(), layer.norm1.eps)
        self.norm2 = (layer.norm2.weight.detach(), layer.norm2.bias.detach(), layer.norm2.eps)

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Residuals, norms and feed-forward net: rows (B*N, W) and attended rows -> rows."""
        x = F.layer_norm(x + self.out(attended), self.shape, *self.norm1)
        return F.layer_norm(x + self.down(self.up(x).relu_()), self.shape, *self.norm2)


class GptDecoder:
    """A `Gpt` prepared for generation; it copies the weights, so prepare again after they change.

    ``half_weights`` keeps them in half precision where `has_half_weights` says so (float32 elsewhere).
    """

    def __init__(self, gpt: Gpt, *, half_weights: bool = False) -> None:
        self.gpt = gpt
        self.sizes = gpt.sizes
        self.device = gpt.ar_predict_layer.weight.device
        self.half_weights = half_weights and has_half_weights(self.device)
        with torch.inference_mode():
            self.layers = [_LayerStep(layer, self.half_weights) for layer in gpt.h.layers if isinstance(layer, Layer)]
            predict = gpt.ar_predict_layer.weight
            self.predict = _project(predict, predict.new_zeros(predict.shape[0]), half=False)
            self._positions = self._position_rows(MAX_TOKENS)

    @torch.inference_mode()
    def generate(
        self,
        phones: Tensor,
        bert: Tensor | None,
        prompt_tokens: Tensor | None,
        sampling: Sampling,
        noise: Noise,
        *,
        spoken: Tensor | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> Iterator[int]:
        """The tokens of one sentence, each as soon as it is drawn; arguments as `Gpt.generate`."""
        if phones.shape[0] != 1:
            raise BadInput(f"generate speaks one sentence, {phones.shape[0]} were given; use generate_batch")
        texts = list(phones), None if bert is None else list(bert)
        rounds = self._rounds(*texts, prompt_tokens, spoken, sampling, noise)
        for _, (drawn, _) in zip(range(max_tokens), rounds, strict=False):
            yield drawn[0]

    @torch.inference_mode()
    def generate_batch(
        self,
        phones: Sequence[Tensor],
        bert: Sequence[Tensor | None] | None,
        prompt_tokens: Tensor | None,
        sampling: Sampling,
        noise: Noise,
        *,
        spoken: Tensor | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> list[list[int]]:
        """The tokens of several sentences at once; arguments as `Gpt.generate_batch`."""
        said: list[list[int]] = [[] for _ in phones]
        rounds = self._rounds(phones, bert, prompt_tokens, spoken, sampling, noise)
        for _, (drawn, rows) in zip(range(max_tokens), rounds, strict=False):
            for row, token in zip(rows, drawn, strict=True):
                said[row].append(token)
        return said

    def _rounds(
        self,
        phones: Sequence[Tensor],
        bert: Sequence[Tensor | None] | None,
        prompt_tokens: Tensor | None,
        spoken: Tensor | None,
        sampling: Sampling,
        noise: Noise,
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Round after round: the tokens drawn and the sentences they belong to, until every sentence has ended."""
        end = self.sizes.end_token
        decoding, hidden = self._begin(phones, bert, prompt_tokens, spoken)
        logits = decoding.predict(hidden)
        seen = torch.zeros_like(logits, dtype=torch.bool)
        if prompt_tokens is not None:
            seen.scatter_(1, prompt_tokens, True)
        rows = list(range(len(phones)))
        num_drawn = 0
        while rows:
            if num_drawn < MIN_TOKENS:
                token, likeliest = choose(logits[:, :end], seen[:, :end], sampling, noise)
            else:
                token, likeliest = choose(logits, seen, sampling, noise)
            drawn = token.tolist()
            keep = None
            going = [one != end and best != end for one, best in zip(drawn, likeliest.tolist(), strict=True)]
            if not all(going):
                kept = [at for at, goes in enumerate(going) if goes]
                if not kept:
                    return
                keep = torch.tensor(kept, dtype=torch.long, device=self.device)
                rows, drawn = [rows[at] for at in kept], [drawn[at] for at in kept]
                token, seen = token[keep], seen[keep]
                decoding.keep(keep)
                if isinstance(noise, RowNoise):
                    noise.keep(kept)
            yield drawn, rows
            num_drawn += 1
            seen.scatter_(1, token[:, None], True)
            hidden = decoding.step(token, hidden if keep is None else hidden[keep], noise)
            logits = decoding.predict(hidden)

    def _begin(
        self,
        phones: Sequence[Tensor],
        bert: Sequence[Tensor | None] | None,
        prompt_tokens: Tensor | None,
        spoken: Tensor | None,
    ) -> tuple[_Decoding, Tensor]:
        """Read text and prompt; returns the running state and what it says (B, W) of the first token."""
        if not phones or min(len(one) for one in phones) == 0:
            raise BadInput("a sentence without phones cannot be spoken; leave it out")
        if prompt_tokens is not None and prompt_tokens.shape[0] != len(phones):
            raise BadInput(f"{len(phones)} sentences need as many rows of prompt tokens, not {prompt_tokens.shape[0]}")
        num_prompt = 0 if prompt_tokens is None else prompt_tokens.shape[1]
        text, visible = self._embed_texts(phones, bert)
        following, shown = self._follow(text, visible, num_prompt, spoken)
        decoding = _Decoding(self, num_prompt, visible, following)
        columns = text + (self._text_positions(visible)).to(text.dtype)
        if prompt_tokens is not None:
            prompt = self.gpt.ar_audio_embedding(prompt_tokens) + self.positions(num_prompt)
            columns = torch.cat((columns, prompt if shown is None else prompt + shown), dim=1)
        audio_visible = visible.new_ones(len(phones), num_prompt)
        mask = attention_mask(visible, audio_visible, columns.dtype)
        return decoding, decoding.advance(columns, mask)[:, -1]

    def _follow(
        self, text: Tensor, visible: Tensor, num_prompt: int, spoken: Tensor | None
    ) -> tuple[Following | None, Tensor | None]:
        """For a net that follows the text: its state where the new speech begins, and what is added to the prompt's
        columns (B, Tp, W). ``spoken`` counts from each text's own first phone; texts are padded on the left."""
        follower = self.gpt.follower
        if follower is None:
            return None, None
        if spoken is None:
            spoken = torch.zeros(len(text), 1, dtype=torch.long, device=self.device)
        if spoken.shape != (len(text), num_prompt + 1):
            raise BadInput(
                f"this GPT follows the text: give the place of each of the {num_prompt} prompt tokens and of the start"
            )
        spoken = spoken + (~visible).sum(1, keepdim=True)
        following = Following(follower, follower.places(text), spoken[:, -1])
        index = spoken[:, 1:, None].expand(-1, -1, text.shape[2])
        return following, following.places.gather(1, index) + follower.ages(ages(spoken)[:, 1:])

    def _text_positions(self, visible: Tensor) -> Tensor:
        """Scaled positions (B, Tx, W) of texts padded on the left."""
        table = sine_table(visible.shape[1], self.sizes.width, self.device) * self.gpt.ar_text_position.alpha
        number = (visible.cumsum(1) - 1).clamp(min=0)
        return table[number] * visible[..., None]

    def _embed_texts(self, phones: Sequence[Tensor], bert: Sequence[Tensor | None] | None) -> tuple[Tensor, Tensor]:
        """Sentences padded on the left, so that all end in one column: embedded (B, Tx, W), validity (B, Tx)."""
        longest = max(len(one) for one in phones)
        text = self.gpt.ar_predict_layer.weight.new_zeros(len(phones), longest, self.sizes.width)
        visible = torch.zeros(len(phones), longest, dtype=torch.bool, device=self.device)
        for row, one in enumerate(phones):
            feature = None if bert is None else bert[row]
            text[row, longest - len(one) :] = self.gpt.embed_phones(
                one[None], None if feature is None else feature[None]
            )[0]
            visible[row, longest - len(one) :] = True
        return text, visible

    def positions(self, count: int) -> Tensor:
        """Scaled audio positions, at least ``count`` rows of (W,); returns exactly ``count``."""
        if count > self._positions.shape[0]:
            self._positions = self._position_rows(2 * count)
        return self._positions[:count]

    def _position_rows(self, count: int) -> Tensor:
        table = sine_table(count, self.sizes.width, self.device) * self.gpt.ar_audio_position.alpha
        return table.to(self.gpt.ar_predict_layer.weight.dtype)


class _Decoding:
    """One running generation: the key-value cache (2, B, heads, T, D) of every layer, and who sees which text."""

    def __init__(self, decoder: GptDecoder, num_prompt: int, visible: Tensor, following: Following | None) -> None:
        self.decoder = decoder
        self.following = following
        self.num_columns = 0
        self.num_audio = num_prompt
        self.cache: list[Tensor] = []
        self.hidden_text: Tensor | None = None
        """Additive mask (B, 1, 1, Tx) over the text columns; None when no sentence is padded."""
        if not bool(visible.all()):
            zero = decoder.gpt.ar_predict_layer.weight.new_zeros(visible.shape)
            self.hidden_text = zero.masked_fill_(~visible, -math.inf)[:, None, None]

    def predict(self, hidden: Tensor) -> Tensor:
        """Logits (B, V) of the next tokens; where the net follows the text, none ends before its last phone."""
        logits = self.decoder.predict(hidden).float()
        if self.following is not None:
            logits[:, -1] = logits[:, -1].masked_fill(~self.following.is_over, -math.inf)
        return logits

    def step(self, token: Tensor, hidden: Tensor, noise: Noise) -> Tensor:
        """Append the tokens (B,) drawn from ``hidden`` (B, W) -> hidden state from which the next are predicted."""
        decoder = self.decoder
        self.num_audio += 1
        position = decoder.positions(self.num_audio)[self.num_audio - 1]
        column = F.embedding(token, decoder.gpt.ar_audio_embedding.word_embeddings.weight) + position
        if self.following is not None:
            self.following.go_on(hidden, noise)
            column = column + self.following.column()
        mask = None
        if self.hidden_text is not None:
            mask = F.pad(self.hidden_text, (0, self.num_columns + 1 - self.hidden_text.shape[-1]))
        return self.advance(column[:, None], mask)[:, 0]

    def advance(self, columns: Tensor, mask: Tensor | None) -> Tensor:
        """Run new columns (B, N, W) through all layers, caching their keys and values -> (B, N, W)."""
        batch, count, width = columns.shape
        heads = self.decoder.sizes.heads
        start, stop = self.num_columns, self.num_columns + count
        self._reserve(batch, stop, columns)
        x = columns.reshape(batch * count, width)
        for layer, cache in zip(self.decoder.layers, self.cache, strict=True):
            packed = layer.packed(x).view(batch, count, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            cache.narrow(3, start, count).copy_(packed.narrow(0, 1, 2))
            key, value = cache.narrow(3, 0, stop).unbind(0)
            attended = F.scaled_dot_product_attention(packed[0], key, value, attn_mask=mask)
            x = layer.finish(x, attended.transpose(1, 2).reshape(batch * count, width))
        self.num_columns = stop
        return x.view(batch, count, width)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows (R,) only."""
        self.cache = [cache.index_select(1, rows) for cache in self.cache]
        if self.hidden_text is not None:
            self.hidden_text = self.hidden_text.index_select(0, rows)
        if self.following is not None:
            self.following.keep(rows)

    def _reserve(self, batch: int, num_columns: int, like: Tensor) -> None:
        sizes = self.decoder.sizes
        capacity = self.cache[0].shape[3] if self.cache else 0
        if num_columns <= capacity:
            return
        # Half as much again each time: few copies, and a short sentence never pays for 60 s of cache.
        capacity = max(num_columns + _CACHE_BLOCK, capacity + capacity // 2)
        shape = (2, batch, sizes.heads, capacity, sizes.width // sizes.heads)
        grown = [torch.empty(shape, dtype=like.dtype, device=like.device) for _ in range(sizes.layers)]
        for old, new in zip(self.cache, grown, strict=False):
            new[:, :, :, : self.num_columns] = old[:, :, :, : self.num_columns]
        self.cache = grown
