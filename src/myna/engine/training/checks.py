"""What can be known to be wrong with a training's data before its first step."""

from __future__ import annotations

from typing import Any

from myna.core.errors import TrainingFailed
from myna.core.training import TrainingPlan
from myna.engine.training.recipe import Recipe, num_clips

MIN_CLIPS = 2


def check_data(recipe: Recipe[Any, Any], plan: TrainingPlan, num_batches: int) -> list[str]:
    """Lines worth telling about the data, of which each device sees ``num_batches`` batches an epoch.

    Raises `TrainingFailed` where there are too few clips to learn a voice from, and where the recipe would never make
    an optimiser step.
    """
    draws = recipe.data.draws(1)
    clips = {clip for draw in draws for clip in recipe.data.clips(draw)}
    if clips and len(clips) < MIN_CLIPS:
        raise TrainingFailed(
            f"only one clip can be used ({min(clips)}), and a voice is learnt from {MIN_CLIPS} at least; add "
            "recordings, or slice them finer (min_length of slice_audio)"
        )
    if not any(recipe.ends_update(index, num_batches) for index in range(num_batches)):
        raise TrainingFailed(f"an epoch of {num_batches} batches makes no step; lower batch_size or add clips")
    fullest = max(draws, key=lambda draw: len(recipe.data.clips(draw)), default=None)
    if clips and fullest is not None and len(recipe.data.clips(fullest)) < plan.batch_size:
        # A row may be made of several clips, so the names are more than the rows; the batch itself knows.
        rows = num_clips(recipe.data.load(fullest))
        return [f"batches have {rows} rows instead of {plan.batch_size}: there are not enough for more"]
    return []
