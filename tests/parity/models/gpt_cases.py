"""Golden cases of the text-to-semantic net: losses, gradients, generation, sampling, the preference term."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch

from myna.core.versions import GptSizes
from myna.engine.synthesis.tokens import cut_chunks
from myna.engine.training.gpt_objective import published_loss
from myna.engine.training.losses import GptBatch
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import GptDecoder
from myna.models.gpt_loss import end_targets, sentence_log_probs, spoil, token_loss
from myna.models.sampling import Noise, Sampling, choose, exponential_noise, penalise, probabilities
from tests.parity.models.golden import Case, Comparison, fill_module, relative_error, stored_gradients

PHONES = {"s1_v1": 512, "s1_v2": 732}


@lru_cache(maxsize=3)
def _filled(model: str, layers: int) -> tuple[Gpt, torch.Tensor]:
    gpt = Gpt(GptSizes(phone_vocab=PHONES[model], layers=layers))
    fill_module(gpt, "model.")
    return gpt.eval(), gpt.ar_predict_layer.weight[gpt.sizes.end_token].detach().clone()


def gpt_of(case: Case) -> Gpt:
    """The filled net; a case may bring its own row of the end token, so that it fires at a known step."""
    gpt, end_row = _filled(case.meta["model"], case.meta["cfg_override"].get("n_layer", 24))
    with torch.no_grad():
        gpt.ar_predict_layer.weight[gpt.sizes.end_token] = case.inputs.get("eos_row", end_row)
    return gpt


def training(case: Case) -> None:
    """Loss, logits, accuracy and gradients; the preference term; each sentence without its padding."""
    gpt, given = gpt_of(case), case.inputs
    end = gpt.sizes.end_token
    batch = GptBatch(given["x"], given["x_lens"], given["y"], given["y_lens"], given["bert"])
    targets = end_targets(batch.tokens, batch.token_lens, end)
    case.check("targets", targets)
    logits = gpt(given["x"], given["x_lens"], given["bert"], given["y"], given["y_lens"], official_text_mask=True)
    case.check("logits", logits[:, case.outputs["logit_positions"]])
    gpt.zero_grad()
    loss, figures = published_loss(gpt, batch, is_official=True)
    case.check("acc_old", torch.as_tensor(figures["accuracy"]))
    case.check("loss_old", loss)
    loss.backward()  # type: ignore[no-untyped-call]
    for name, values in stored_gradients(case, gpt).items():
        case.check(name, values)
    with torch.no_grad():
        _preference(case, gpt, batch, logits)
        # Right padding must not change a sentence; the published mask lets it, hence our own.
        padded = gpt(given["x"], given["x_lens"], given["bert"], given["y"], given["y_lens"])
        rows = range(len(targets))
        alone = [token_loss(padded[[row]], targets[[row]], given["y_lens"][[row]]) for row in rows]
        case.check("loss_each_alone", torch.stack(alone))


def _preference(case: Case, gpt: Gpt, batch: GptBatch, logits: torch.Tensor) -> None:
    given, end = case.inputs, gpt.sizes.end_token
    spoilt, lengths = spoil(given["y"], given["reject_kind"] == 0, given["reject_range_unsorted"].sort(dim=1).values)
    assert torch.equal(spoilt, given["reject_y"])
    assert torch.equal(lengths, given["reject_y_lens"])
    bad_targets = end_targets(spoilt, lengths, end)
    case.check("reject_targets", bad_targets)
    case.check("chosen_logps", sentence_log_probs(logits, end_targets(given["y"], given["y_lens"], end)))
    text = (given["x"], given["x_lens"], given["bert"])
    rejected = sentence_log_probs(gpt(*text, spoilt, lengths, official_text_mask=True), bad_targets)
    case.check("rejected_logps", rejected)
    both = replace(batch, rejected=spoilt, rejected_lens=lengths)
    case.check("loss_dpo_total", published_loss(gpt, both, is_official=True)[0])


def spoilt_rows(case: Case) -> None:
    """The rejected sentences of the preference term, from recorded draws."""
    draws = sum(name.startswith("kind") for name in case.inputs)
    for draw in range(draws):
        slices = case.inputs[f"range_unsorted{draw}"].sort(dim=1).values
        spoilt, lengths = spoil(case.inputs["y"], case.inputs[f"kind{draw}"] == 0, slices)
        case.check(f"reject_y{draw}", spoilt)
        case.check(f"reject_lens{draw}", lengths)


def sampling_steps(case: Case) -> None:
    """Penalty, top-p, temperature, top-k and the draw, on given logits."""
    logits, noise = case.inputs["logits"], case.inputs["exponential"]
    seen = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, case.inputs["previous"], True)
    for number, fields in enumerate(case.meta["combos"]):
        sampling = Sampling(**fields)
        case.check(f"probs{number}", probabilities(penalise(logits, seen, sampling.repetition_penalty), sampling))
        token, likeliest = choose(logits, seen, sampling, lambda probs: noise)
        case.check(f"token{number}", token)
        case.check(f"penalised_argmax{number}", likeliest)


def _recorded(case: Case) -> Noise:
    """The case's own noise, step by step; greedy cases get any."""
    if "exponential" not in case.inputs:
        return exponential_noise(torch.Generator().manual_seed(0))
    steps = iter(case.inputs["exponential"])
    return lambda probs: next(steps)[None, : probs.shape[1]]


def _speak(case: Case, decoder: GptDecoder) -> None:
    """Generate and compare the tokens; on an early stop the official code keeps one more than it was asked for."""
    given = case.inputs
    text, prompt = (given["x"], given["bert"]), given.get("prompt")
    limit = int(given["early_stop_num"])
    spoken = decoder.generate(
        *text, prompt, Sampling(**case.meta["sampling"]), _recorded(case), max_tokens=limit + 1 if limit > 0 else 1500
    )
    start = 0 if prompt is None else prompt.shape[1]
    case.check_items("y", list(spoken), case.outputs["y"][0, start:].tolist())


def generation(case: Case) -> None:
    """One sentence, token by token, with the logits on the way."""
    decoder = GptDecoder(gpt_of(case))
    steps: list[torch.Tensor] = []
    states: list[torch.Tensor] = []
    predict = decoder.predict

    def watched(hidden: torch.Tensor) -> torch.Tensor:
        states.append(hidden)
        steps.append(predict(hidden).clone())
        return steps[-1]

    decoder.predict = watched
    _speak(case, decoder)
    if "first_logits" not in case.outputs:
        return
    end = decoder.sizes.end_token
    logits = torch.cat(steps[: len(case.outputs["first_logits"])])
    logits[:, end] = 0.0  # the official code cuts this column in the first steps
    case.check("first_logits", logits)
    last, ours = case.outputs["last_logits"], steps[-1].detach()
    # The end token's row is a steep fit of the last hidden state: its sum of large numbers rounds more than all others.
    row = decoder.gpt.ar_predict_layer.weight[end].detach()
    rounding = torch.finfo(torch.float32).eps * float(row.norm() * states[-1].norm() / last.norm())
    case.check("last_logits", ours, max(case.tolerance("last_logits"), 2 * rounding))
    others = relative_error(ours[:, :end], last[:, :end])
    case.note(Comparison("last_logits but the end", others, case.tolerance("last_logits")))


def batched_generation(case: Case) -> None:
    """Several sentences at once; each must say what it says alone."""
    decoder, given = GptDecoder(gpt_of(case)), case.inputs
    batch, num_prompt = given["prompts"].shape
    spoken = decoder.generate_batch(
        [given[f"x{row}"] for row in range(batch)],
        [given[f"bert{row}"] for row in range(batch)],
        given["prompts"],
        Sampling(**case.meta["sampling"]),
        _recorded(case),
        max_tokens=int(given["early_stop_num"]),
    )
    for row in range(batch):
        case.check_items(f"y{row}", spoken[row], case.outputs[f"y{row}"][num_prompt:].tolist())


def chunks(case: Case) -> None:
    """Cutting the token stream of one sentence."""
    spoken = case.outputs["whole"][0, case.inputs["prompt"].shape[1] :].tolist()
    cut = (case.meta["chunk_length"], case.inputs.get("mute_sim"), case.meta["chunk_split_thershold"])
    found = list(cut_chunks(spoken, *cut, official_repeats=True))
    case.check("chunk_lengths", torch.tensor([len(chunk.tokens) for chunk in found]))
    case.check("tokens", torch.tensor([token for chunk in found for token in chunk.tokens]))
    case.check("final", torch.tensor([chunk.is_last for chunk in found]))
    once = [token for chunk in cut_chunks(spoken, *cut) for token in chunk.tokens]
    case.check_items("whole", once, spoken)
