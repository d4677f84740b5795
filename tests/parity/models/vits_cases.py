"""Golden cases of the VITS kind: codes, speaker vectors, sound, sound in parts, and the whole training step."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch

from myna.core.versions import MelSpec, VitsSizes, version
from myna.engine.dsp import mel
from myna.engine.training.vits_data import VitsBatch
from myna.engine.training.vits_loss import VitsLosses
from myna.models.discriminators import Discriminators, Judgement
from myna.models.gan_loss import deceit_loss
from myna.models.sovits_vits import SovitsVits, VitsDraws, VitsPass
from tests.parity.models.golden import Case, fill_module, relative_error, stored_gradients

_OVERRIDES = {"n_layers": "layers", "filter_channels": "filter", "upsample_initial_channel": "decoder_width"}
_TRAINING_MEL = MelSpec(sample_rate=32000, n_fft=2048, hop=640, bands=128)
_MEL_EVERY = 8
_FIRST_OPINIONS = 32
"""So many values of a judge are stored."""
_TERMS = {"adversarial": "loss_gen", "feature": "loss_fm", "mel": "loss_mel", "kl": "loss_kl"}
_PERIODS = {"s2D_v2": (2, 3, 5, 7, 11), "s2D_v2Pro": (2, 3, 5, 7, 11, 17, 23)}


def _sizes(case: Case) -> VitsSizes:
    sizes = version(case.meta["model"].removeprefix("s2G_")).vits
    assert sizes is not None
    changes: dict[str, Any] = {_OVERRIDES[name]: value for name, value in case.meta["cfg_override"].items()}
    return replace(sizes, **changes)


@lru_cache(maxsize=2)
def _net(sizes: VitsSizes) -> SovitsVits:
    net = SovitsVits(sizes)
    fill_module(net)
    return net.eval()


@lru_cache(maxsize=1)
def _judges(periods: tuple[int, ...]) -> Discriminators:
    judges = Discriminators(periods)
    fill_module(judges)
    return judges


def net_of(case: Case) -> SovitsVits:
    """The filled net that a case is of."""
    return _net(_sizes(case))


@torch.no_grad()
def inference(case: Case) -> None:
    """Codes, speaker vector, prior and sound, with one reference and with all, at every speed."""
    net, given = net_of(case), case.inputs
    codes = net.extract_codes(given["ssl"])
    case.check("codes", codes[None])
    count = sum(name.startswith("refer") for name in given)
    speakers = [net.speaker_vector(given[f"refer{index}"], None, given.get(f"sv_emb{index}")) for index in range(count)]
    one, mean = speakers[0], torch.stack(speakers).mean(dim=0)
    case.check("ref_enc0", net.ref_enc(given["refer0"][:, : net.sizes.reference_bins]))
    case.check("ge0", one)
    features, _ = net.prior(codes, given["text"], one)
    case.check("encp_y", features)
    mean_p, log_deviation = net.enc_p.statistics(features, None)
    case.check("encp_m", mean_p)
    case.check("encp_logs", log_deviation)
    for speed in case.meta["speeds"]:
        noise, scale = given[f"noise_speed{speed}"], case.meta["noise_scale"]
        options = {"noise_scale": scale, "noise": noise, "speed": speed}
        if f"encp_m_speed{speed}" in case.outputs:
            spoken, _ = net.prior(codes, given["text"], one, speed=speed)
            case.check(f"encp_m_speed{speed}", net.enc_p.statistics(spoken, None)[0])
        for name, speaker in (("1ref", one), ("allrefs", mean)):
            if f"wav_{name}_speed{speed}" in case.outputs:
                case.check(f"wav_{name}_speed{speed}", net.decode(codes, given["text"], speaker, **options))
    if "wav_1ref_nonoise" in case.outputs:
        case.check("wav_1ref_nonoise", net.decode(codes, given["text"], one, noise_scale=0.0))


@torch.no_grad()
def in_parts(case: Case) -> None:
    """A sentence sounded while it is still being made: two parts that overlap."""
    net, given = net_of(case), case.inputs
    codes, first, overlap = given["codes"][0], case.meta["n_first"], case.meta["overlap"]
    speaker = net.speaker_vector(given["refer"], None, given.get("sv_emb"))
    wave, features = net.decode_part(codes[:, :first], given["text"], speaker, noise=given["noise_a"])
    case.check("wav_a", wave)
    case.check("latent_a", features)
    wave, features = net.decode_part(
        codes,
        given["text"],
        speaker,
        kept_codes=codes.shape[1] - first + overlap,
        before=features[..., -2 * overlap :],
        noise=given["noise_b"],
    )
    case.check("wav_b", wave)
    case.check("latent_b", features)


@dataclass(frozen=True)
class _Step:
    """One training step: what the generator gave, what the judges said, and all losses."""

    out: VitsPass
    real_mel: torch.Tensor
    made_mel: torch.Tensor
    on_real: list[Judgement]
    on_fake: list[Judgement]
    judging: torch.Tensor
    losses: dict[str, torch.Tensor]

    @property
    def total(self) -> torch.Tensor:
        return torch.stack(list(self.losses.values())).sum()


def training(case: Case) -> None:
    """One step of both sides: what the nets give, all losses, and the gradients of generator and judges."""
    net, judges = net_of(case), _judges(_PERIODS[case.meta["disc"]])
    step = _step(case, net, judges, torch.float32)
    _check_frames(case, step)
    _check_judges(case, step)
    for name, value in step.losses.items():
        case.check(name, value)
    case.check("loss_total", step.total)
    gradients = _gradients(case, net, judges, step)
    if any(relative_error(values, case.outputs[name]) > case.tolerance(name) for name, values in gradients.items()):
        # Rounding pushed a value over the kink of a leaky ReLU, where the gradient jumps; double precision does not.
        exact = deepcopy(net).double(), deepcopy(judges).double()
        gradients = _gradients(case, *exact, _step(case, *exact, torch.float64))
    for name, values in gradients.items():
        case.check(name, values)


def _step(case: Case, net: SovitsVits, judges: Discriminators, kind: torch.dtype) -> _Step:
    given = {name: value.to(kind) if value.is_floating_point() else value for name, value in case.inputs.items()}
    losses = VitsLosses(net, judges, _TRAINING_MEL, case.meta["segment_frames"])
    batch = VitsBatch(
        codes=net.extract_codes(given["ssl"]),
        phones=given["text"],
        phone_lens=given["text_lengths"],
        sound=given["wav"],
        frames=given["spec_lengths"],
        speaker_print=given.get("sv_emb"),
    )
    heard = losses.compare(batch, given["spec"], given["wav"], VitsDraws(given["noise"], given["slice_u"]))
    judging = losses.discriminator_loss(heard)
    real, fake = judges.compare(heard.recorded, heard.made.wave)
    terms = {_TERMS[name]: term for name, term in losses.generator_terms(heard).items()}
    made_mel = mel(heard.made.wave[:, 0], _TRAINING_MEL)
    return _Step(heard.made, heard.recorded_mel, made_mel, real, fake, judging, terms)


def _check_frames(case: Case, step: _Step) -> None:
    out, every = step.out, case.meta["step_of_every"]
    case.check("wav", out.wave)
    case.check("ids_slice", out.starts)
    case.check("z_mask", out.mask.float())
    frames = {
        "z": out.z,
        "z_p": out.z_p,
        "m_q": out.mean_q,
        "logs_q": out.log_deviation_q,
        "m_p": out.mean_p,
        "logs_p": out.log_deviation_p,
    }
    for name, values in frames.items():
        case.check(f"{name}_every", values[..., ::every])
    case.check("y_mel_every", step.real_mel[..., ::_MEL_EVERY])
    case.check("y_hat_mel_every", step.made_mel[..., ::_MEL_EVERY])


def _check_judges(case: Case, step: _Step) -> None:
    case.check("loss_disc", step.judging)
    case.check("loss_disc_r", torch.stack([(1 - one.opinion).square().mean() for one in step.on_real]))
    case.check("loss_disc_g", torch.stack([one.opinion.square().mean() for one in step.on_fake]))
    case.check("loss_gen_each", torch.stack([deceit_loss([one]) for one in step.on_fake]))
    for index, one in enumerate(step.on_fake):
        case.check(f"disc_out_fake{index}", one.opinion[:, :_FIRST_OPINIONS])
        sizes = [(*layer.shape, 0)[:4] for layer in one.features]
        case.check(f"disc_fmap_shape{index}", torch.tensor(sizes))


def _gradients(case: Case, net: SovitsVits, judges: Discriminators, step: _Step) -> dict[str, torch.Tensor]:
    """The judges' gradients of their own loss and the generator's of its total."""
    judges.zero_grad()
    net.zero_grad()
    step.judging.backward()
    found = stored_gradients(case, judges, "d_")
    step.total.backward()
    found |= stored_gradients(case, net)
    judges.zero_grad()
    net.zero_grad()
    return found
