"""Text to semantic tokens: a transformer over [phones, tokens], the official GPT-SoVITS shape.

Text sees all text, audio sees all text and earlier audio. Attribute names are the published key names (a published key
minus its ``model.`` prefix), so a published state dict loads with ``strict=True``. Shapes: B sentences, Tx phones,
Ty semantic tokens, W = ``sizes.width``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from myna.core.errors import BadInput
from myna.core.versions import GptSizes
from myna.models.gpt_decoding import MAX_TOKENS, GptDecoder
from myna.models.gpt_following import TextFollower, with_end
from myna.models.gpt_layers import Embedding, LayerStack, SinePosition, attention_mask
from myna.models.sampling import Sampling, exponential_noise


class Gpt(nn.Module):
    """Phones (and BERT features, where the version has them) to semantic tokens."""

    def __init__(self, sizes: GptSizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.sizes = sizes
        if sizes.bert_width:
            self.bert_proj = nn.Linear(sizes.bert_width, sizes.width)
        self.ar_text_embedding = Embedding(sizes.phone_vocab, sizes.width)
        self.ar_text_position = SinePosition(dropout)
        self.ar_audio_embedding = Embedding(sizes.semantic_vocab, sizes.width)
        self.ar_audio_position = SinePosition(dropout)
        self.ar_predict_layer = nn.Linear(sizes.width, sizes.semantic_vocab, bias=False)
        self.h = LayerStack(sizes, dropout)
        self.follower = TextFollower(sizes.width) if sizes.follows_text else None

    def embed_phones(self, phones: Tensor, bert: Tensor | None) -> Tensor:
        """Phones (B, Tx) and BERT features (B, bert_width, Tx) or None (zeros) -> (B, Tx, W), without positions."""
        text: Tensor = self.ar_text_embedding(phones)
        if not self.sizes.bert_width:
            return text
        # Languages without BERT features feed zeros, which leaves the projection's bias.
        return text + (self.bert_proj.bias if bert is None else self.bert_proj(bert.transpose(1, 2)))

    def forward(
        self,
        phones: Tensor,
        phone_lens: Tensor,
        bert: Tensor | None,
        tokens: Tensor,
        token_lens: Tensor,
        *,
        spoken: Tensor | None = None,
        official_text_mask: bool = False,
    ) -> Tensor:
        """Training logits (B, Ty+1, semantic_vocab); position j predicts token j, position ``token_lens`` the end.

        Arguments as `hidden`.
        """
        hidden = self.hidden(
            phones, phone_lens, bert, tokens, token_lens, spoken=spoken, official_text_mask=official_text_mask
        )
        logits: Tensor = self.ar_predict_layer(hidden)
        return logits

    def hidden(
        self,
        phones: Tensor,
        phone_lens: Tensor,
        bert: Tensor | None,
        tokens: Tensor,
        token_lens: Tensor,
        *,
        spoken: Tensor | None = None,
        official_text_mask: bool = False,
    ) -> Tensor:
        """What the last layer says (B, Ty+1, W) of every token and, at position ``token_lens``, of the end.

        ``phones`` (B, Tx) and ``tokens`` (B, Ty) are int64 and padded on the right (padding values do not matter);
        ``phone_lens`` and ``token_lens`` (B,) count valid columns, at least one phone each; ``bert`` is
        (B, bert_width, Tx) or None; ``spoken`` (B, Ty), for nets that follow the text, is the column in ``phones`` that
        each token says. Position 0 is read at the last phone, as in generation. The official trainer masks text as if
        it were padded on the left and always reads column Tx-1: ``official_text_mask`` does so. Raises `BadInput` where
        ``spoken`` is missing.
        """
        num_phones, num_tokens = phones.shape[1], tokens.shape[1]
        column = torch.arange(max(num_phones, num_tokens), device=phones.device)
        if official_text_mask:
            text_visible = column[:num_phones] >= num_phones - phone_lens[:, None]
        else:
            text_visible = column[:num_phones] < phone_lens[:, None]
        audio_visible = column[:num_tokens] < token_lens[:, None]
        embedded = self.embed_phones(phones, bert)
        text = self.ar_text_position(embedded)
        tokens = tokens.masked_fill(~audio_visible, self.sizes.end_token)
        audio = self.ar_audio_position(self.ar_audio_embedding(tokens))
        if self.follower is not None:
            if spoken is None:
                raise BadInput("this GPT follows the text; it needs to know which phone each token says")
            known = embedded.masked_fill(~text_visible[..., None], 0.0)
            audio = audio + self.follower(known, with_end(spoken, token_lens, phone_lens))
        # Built once, in the type attention will run in, so that no layer has to convert it.
        device = text.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else text.dtype
        mask = attention_mask(text_visible, audio_visible, dtype)
        hidden = self.h(torch.cat((text, audio), dim=1), mask)
        if official_text_mask:
            hidden = hidden[:, num_phones - 1 :]
        else:
            last = (phone_lens - 1)[:, None, None].expand(-1, 1, hidden.shape[2])
            hidden = torch.cat((hidden.gather(1, last), hidden[:, num_phones:]), dim=1)
        return hidden

    def generate(
        self,
        phones: Tensor,
        bert: Tensor | None,
        prompt_tokens: Tensor | None,
        sampling: Sampling,
        generator: torch.Generator | None = None,
        *,
        spoken: Tensor | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> Iterator[int]:
        """Speak one sentence: yields each semantic token as soon as it is drawn, at most ``max_tokens``.

        ``phones`` (1, Tx) are the prompt's phones followed by the sentence's, ``bert`` (1, bert_width, Tx) goes with
        them (None: zeros), ``prompt_tokens`` (1, Tp) are the prompt's tokens; neither these nor the end token are
        yielded. A net that follows the text also takes ``spoken`` (1, Tp + 1): the column in ``phones`` that each
        prompt token says and, last, the one where the new speech begins. ``generator`` makes the draw repeatable.
        Prepares the weights on every call: for many sentences keep a `GptDecoder`. Raises `BadInput` when there is no
        phone, or more than one sentence.
        """
        noise = exponential_noise(generator)
        decoder = GptDecoder(self)
        yield from decoder.generate(phones, bert, prompt_tokens, sampling, noise, spoken=spoken, max_tokens=max_tokens)

    def generate_batch(
        self,
        phones: Sequence[Tensor],
        bert: Sequence[Tensor | None] | None,
        prompt_tokens: Tensor | None,
        sampling: Sampling,
        generator: torch.Generator | None = None,
        *,
        spoken: Tensor | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> list[list[int]]:
        """Speak B sentences at once: their tokens, without the prompts', each at most ``max_tokens`` long.

        ``phones`` holds one (Tx,) per sentence, ``bert`` one (bert_width, Tx) or None per sentence, ``prompt_tokens``
        is (B, Tp), ``spoken`` (B, Tp + 1) as in `generate`. Greedy tokens are those of `generate`. Raises `BadInput`
        when a sentence has no phone or the number of prompts differs.
        """
        noise = exponential_noise(generator)
        decoder = GptDecoder(self)
        return decoder.generate_batch(
            phones, bert, prompt_tokens, sampling, noise, spoken=spoken, max_tokens=max_tokens
        )
