"""Where in the text the speech is, as an explicit state beside the attention.

A large GPT learns from thousands of hours to keep its place in the text. A small one does not: so it is told which
phone comes next and for how long that has been said, and answers with each token how far to go on. Nothing is left out
or said twice, and a sentence ends only where its text does. After Du et al. 2024 (VALL-T, arXiv:2401.14321) and Song et
al. 2024 (ELLA-V, arXiv:2401.07333). Shapes: B sentences, Tx phones, Ty tokens, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.models.sampling import Noise

NEAR = (-1, 0, 1, 2)
"""The phones that are shown, counted from the one that comes next."""
MOST_STEPS = 3
"""How far one token can go on; marks that are not heard are stepped over."""
_AGES = 32


class TextFollower(nn.Module):
    """Adds the place in the text to what the GPT reads, and reads from its answer how far the place moves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.near = nn.Linear(len(NEAR) * width, width)
        self.age = nn.Embedding(_AGES, width)
        self.steps = nn.Linear(width, MOST_STEPS + 1)
        nn.init.normal_(self.age.weight, std=0.3)

    def places(self, text: Tensor) -> Tensor:
        """What is said at every place: embedded phones (B, Tx, W), right-padded or not, -> (B, Tx, W)."""
        before, after = -NEAR[0], NEAR[-1]
        padded = F.pad(text, (0, 0, before, after))
        shown = [padded[:, before + offset : before + offset + text.shape[1]] for offset in NEAR]
        out: Tensor = self.near(torch.cat(shown, dim=-1))
        return out

    def ages(self, ages: Tensor) -> Tensor:
        """Ages of any shape, in tokens, -> (..., W)."""
        out: Tensor = self.age(ages.clamp(max=_AGES - 1))
        return out

    def forward(self, text: Tensor, spoken: Tensor) -> Tensor:
        """What is added to the column of each token: embedded phones (B, Tx, W), the place (B, Ty + 1) of every token
        and of the end -> (B, Ty, W). The column of token j shows the place of token j + 1, which it predicts."""
        places = self.places(text)
        index = spoken[:, 1:, None].expand(-1, -1, text.shape[2])
        return places.gather(1, index) + self.ages(ages(spoken)[:, 1:])


def ages(spoken: Tensor) -> Tensor:
    """For how many tokens each place has been said before: places (B, T) -> (B, T)."""
    column = torch.arange(spoken.shape[1], device=spoken.device).expand_as(spoken)
    is_new = F.pad(spoken[:, 1:] != spoken[:, :-1], (1, 0), value=True)
    return column - column.masked_fill(~is_new, 0).cummax(dim=1).values


def steps_between(spoken: Tensor) -> Tensor:
    """How far each place is from the one before: places (B, T + 1), rising -> (B, T) of 0 to `MOST_STEPS`."""
    return (spoken[:, 1:] - spoken[:, :-1]).clamp(0, MOST_STEPS)


def with_end(spoken: Tensor, token_lens: Tensor, phone_lens: Tensor) -> Tensor:
    """Places (B, Ty), right-padded, -> (B, Ty + 1): behind the last token stands the last phone, where the end is."""
    column = torch.arange(spoken.shape[1] + 1, device=spoken.device)
    ended = column >= token_lens[:, None]
    return torch.where(ended, (phone_lens - 1)[:, None], F.pad(spoken, (0, 1)))


def followable(spoken: Tensor) -> Tensor:
    """An alignment (T,) whose leaps are at most `MOST_STEPS`, as generation's are: after a longer one it catches up."""
    places = spoken.tolist()
    for index in range(1, len(places)):
        places[index] = min(max(places[index], places[index - 1]), places[index - 1] + MOST_STEPS)
    return torch.tensor(places, dtype=spoken.dtype)


class Following:
    """The place of each sentence while it is generated; texts are padded on the left to one length."""

    def __init__(self, follower: TextFollower, places: Tensor, place: Tensor) -> None:
        """``places`` (B, Tx, W) as `TextFollower.places` gives them, ``place`` (B,) where the new speech begins."""
        self.follower, self.places, self.place = follower, places, place
        self.age = torch.zeros_like(place)

    @property
    def is_over(self) -> Tensor:
        """Whether each sentence (B,) has come to the last phone."""
        return self.place == self.places.shape[1] - 1

    def column(self) -> Tensor:
        """What is added to the column from which the next token is predicted, (B, W)."""
        here = self.places[torch.arange(len(self.place), device=self.place.device), self.place]
        return here + self.follower.ages(self.age)

    def go_on(self, hidden: Tensor, noise: Noise) -> None:
        """Draw from ``hidden`` (B, W), which spoke the last token, how far to move, and move."""
        probabilities = self.follower.steps(hidden).float().softmax(-1)
        steps = (probabilities / noise(probabilities)).argmax(-1)
        place = (self.place + steps).clamp(max=self.places.shape[1] - 1)
        self.age = torch.where(place > self.place, 0, self.age + 1)
        self.place = place

    def keep(self, rows: Tensor) -> None:
        """Go on with these sentences (R,) only."""
        self.places, self.place, self.age = (x.index_select(0, rows) for x in (self.places, self.place, self.age))
