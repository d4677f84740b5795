"""What a model version is: one frozen record each, and nobody compares names.

The numbers of the official versions are facts of the published checkpoints (GPT-SoVITS, MIT); "lite" is the compact
base that ships with the package. Code asks a record's fields ("does it take a speaker vector?"), never its name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from myna.core.errors import UnknownChoice


@dataclass(frozen=True)
class MelSpec:
    """A log-mel front end: Slaney filters over a magnitude spectrogram, natural log clamped at 1e-5."""

    sample_rate: int
    n_fft: int
    hop: int
    bands: int

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop


@dataclass(frozen=True)
class GptSizes:
    """Text-to-semantic transformer: phones in, semantic tokens out.

    ``semantic_vocab`` counts the end token, which is its last.
    """

    phone_vocab: int
    semantic_vocab: int = 1025
    width: int = 512
    heads: int = 16
    layers: int = 24
    feed_forward: int = 2048
    bert_width: int = 1024
    follows_text: bool = False
    """Whether the net is told its place in the text (`myna.models.gpt_following`); the published nets are not."""

    @property
    def end_token(self) -> int:
        """The token that ends a sentence; it also pads batches."""
        return self.semantic_vocab - 1


@dataclass(frozen=True)
class FlowSizes:
    """Flow-matching SoVITS (v3/v4 kind): tokens and phones to mel, in the reference's voice."""

    phone_vocab: int
    content_width: int = 768
    codes: int = 1024
    hidden: int = 192
    filter: int = 768
    heads: int = 2
    layers: int = 6
    kernel: int = 3
    mrte_width: int = 512
    mrte_heads: int = 4
    reference_bins: int = 704
    style_hidden: int = 128
    speaker_width: int = 512
    feature_width: int = 512
    wavenet_layers: int = 8
    dit_width: int = 1024
    dit_depth: int = 22
    dit_heads: int = 16
    dit_feed_forward_mult: int = 2
    dit_conv_layers: int = 4
    mel_bands: int = 100
    frames_per_content: float = 2.0
    """Mel frames per content frame (50 per second)."""
    frames_per_code_at_speed: float | None = None
    """At another speed, frames from ``int(codes * this / speed) + 1`` on are silenced (published nets); None: none."""
    rotary_all_heads: bool = False
    """Whether every attention head is rotated; the published weights were trained with the first one only."""
    masks_padding: bool = False
    """Whether padding is kept out of the text and position convolutions; the published nets let it in."""
    has_speaker_gradient: bool = False
    """Whether training the features also trains the reference encoder through its speaker vector."""
    has_prior: bool = False
    """Whether ``linear_mel`` is trained to read the mel from the features; the published weights never use it."""
    has_pitch: bool = False
    """Whether the flow is told the pitch; the published nets make up their own."""


@dataclass(frozen=True)
class VitsSizes:
    """SoVITS of the VITS kind (v1, v2, Pro): tokens and phones straight to sound, in the reference's voice."""

    phone_vocab: int
    content_width: int = 768
    codes: int = 1024
    hidden: int = 192
    filter: int = 768
    heads: int = 2
    layers: int = 6
    kernel: int = 3
    mrte_width: int = 512
    mrte_heads: int = 4
    spec_bins: int = 1025
    """Rows of the spectrogram that training encodes."""
    reference_bins: int = 704
    """Rows of it, from the lowest, in which the reference encoder hears the voice."""
    style_hidden: int = 128
    speaker_width: int = 512
    speaker_net_width: int = 0
    """Width of the speaker net's vector that joins the reference encoder's; 0: there is none."""
    posterior_layers: int = 16
    couplings: int = 4
    coupling_layers: int = 4
    decoder_width: int = 512
    rates: tuple[int, ...] = (10, 8, 2, 2, 2)
    rate_kernels: tuple[int, ...] = (16, 16, 8, 2, 2)
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """Periods of the discriminators, in training."""
    discriminator_width: int = 1024
    """Channels of their widest layers."""
    has_text_dropout: bool = True
    """Whether training drops parts of the text encoder, as it does of the reference encoder."""


@dataclass(frozen=True)
class GptTraining:
    """How a version's GPT is fine-tuned where nobody says otherwise; as in the official program."""

    epochs: int = 15
    save_every: int = 5


@dataclass(frozen=True)
class SovitsTraining:
    """How a version's SoVITS is fine-tuned where nobody says otherwise; epochs as in the official program."""

    epochs: int = 8
    save_every: int = 4
    batch_size: int = 8
    lora_rank: int = 0
    """Rank of low-rank additions; 0: all weights are trained."""


@dataclass(frozen=True)
class ModelVersion:
    """One generation of models.

    ``symbols`` names the phone table; ``decoder`` the kind of net that turns tokens into sound ("flow" or "vits");
    ``content`` and ``vocoder`` name the nets around it, as `models/build.py` knows them; ``vocoder`` is empty where the
    decoder makes sound itself. Of ``flow`` and ``vits`` there is the one that the decoder wants. ``mel`` is what the
    decoder makes, or what its training compares. ``reference_frames`` and ``chunk_frames`` bound the prompt and one
    flow-matching window, in mel frames.
    """

    name: str
    symbols: str
    decoder: str
    content: str
    vocoder: str
    gpt: GptSizes
    flow: FlowSizes | None
    mel: MelSpec | None
    output_rate_hz: int
    vits: VitsSizes | None = None
    reference_frames: int = 0
    chunk_frames: int = 0
    temperature: float = 1.0
    repetition_penalty: float = 1.35
    """How tokens are drawn where a request does not say (the official defaults). Tokens that are nearly phones, as the
    bundled ones are, repeat by nature."""
    sampling_steps: int = 32
    sampling_temperature: float = 1.0
    """Scale of the noise that the flow begins with."""
    sampling_begin: float = 0.0
    """Where on its way the flow begins, 0 (noise) to 1: beside the mel that is read from the features (`has_prior`)."""
    is_balanced: bool = False
    """Whether mels are brought to the reference's level and liveliness, band by band."""
    has_bert: bool = True
    has_speaker_vector: bool = False
    is_bundled: bool = False
    has_super_sampling: bool = False
    """Whether a net is published that widens the version's speech to 48 kHz."""
    weights_suffix: str = ""
    """What follows ``GPT_weights`` and ``SoVITS_weights`` in the official folder names."""
    content_gain: float = 1145.14
    """What the data set's level-mixed samples are multiplied by for the content encoder (official: 32768 / 28.6)."""
    has_mixed_reference: bool = False
    """Whether a reference is levelled like the data set's clips; officially it is taken as it is."""
    prompt_silence_s: float = 0.6
    """Silence behind a reference when its tokens are extracted (official: 9600 samples at 16 kHz)."""
    languages: tuple[str, ...] = ("zh", "en", "ja", "ko", "yue")
    """What the nets have learnt to speak; the symbol table has more phones than some nets know."""
    piece_phones: int = 200
    """Longest piece of text that is said at once, in phones."""
    uncut_phones: int = 450
    """Longest piece, in phones, where the caller says how the text is cut: slowly spoken, it takes about a minute."""
    joined_tokens: int = 500
    """Two clips of a speaker make one training row of the GPT when they have at most this many tokens together."""
    gpt_training: GptTraining = GptTraining()
    sovits_training: SovitsTraining = SovitsTraining()


_GPT_V2 = GptSizes(phone_vocab=732)
_PRO = VitsSizes(
    phone_vocab=732,
    speaker_width=1024,
    speaker_net_width=20480,
    periods=(2, 3, 5, 7, 11, 17, 23),
    has_text_dropout=False,
)


_FLOW_TRAINING = SovitsTraining(epochs=2, save_every=1, batch_size=2, lora_rank=32)


def _vits(name: str, sizes: VitsSizes, suffix: str) -> ModelVersion:
    """An official version of the VITS kind."""
    return ModelVersion(
        name=name,
        symbols="v2",
        decoder="vits",
        content="hubert",
        vocoder="",
        gpt=_GPT_V2,
        flow=None,
        mel=MelSpec(sample_rate=32000, n_fft=2048, hop=640, bands=128),
        output_rate_hz=32000,
        vits=sizes,
        has_speaker_vector=sizes.speaker_net_width > 0,
        weights_suffix=suffix,
    )


VERSIONS: dict[str, ModelVersion] = {
    version.name: version
    for version in (
        ModelVersion(
            name="lite",
            symbols="v2",
            decoder="flow",
            content="lite",
            vocoder="source_filter",
            gpt=GptSizes(
                phone_vocab=732,
                semantic_vocab=513,
                width=256,
                heads=4,
                layers=6,
                feed_forward=1024,
                bert_width=0,
                follows_text=True,
            ),
            flow=FlowSizes(
                phone_vocab=732,
                content_width=256,
                codes=512,
                hidden=192,
                filter=384,
                layers=4,
                mrte_width=256,
                speaker_width=256,
                feature_width=256,
                wavenet_layers=2,
                dit_width=256,
                dit_depth=6,
                dit_heads=4,
                dit_conv_layers=2,
                frames_per_content=1.0,
                rotary_all_heads=True,
                masks_padding=True,
                has_speaker_gradient=True,
                has_prior=True,
                has_pitch=True,
            ),
            mel=MelSpec(sample_rate=24000, n_fft=1440, hop=480, bands=100),
            output_rate_hz=24000,
            reference_frames=200,  # 4 s, as the prompts of its training: behind longer ones voices are less alike
            chunk_frames=1000,
            temperature=0.6,
            repetition_penalty=1.0,
            sampling_steps=4,
            sampling_temperature=0.15,
            sampling_begin=0.7,
            is_balanced=True,
            has_bert=False,
            is_bundled=True,
            weights_suffix="_lite",
            content_gain=1.0,
            has_mixed_reference=True,
            prompt_silence_s=0.0,
            languages=("en",),
            piece_phones=100,
            uncut_phones=100,
            joined_tokens=400,
            gpt_training=GptTraining(epochs=8, save_every=4),
            sovits_training=SovitsTraining(epochs=10),
        ),
        replace(
            _vits("v1", VitsSizes(phone_vocab=322, reference_bins=1025), suffix=""),
            symbols="v1",
            gpt=GptSizes(phone_vocab=512),
            languages=("zh", "en", "ja"),
        ),
        _vits("v2", VitsSizes(phone_vocab=732), suffix="_v2"),
        _vits("v2Pro", _PRO, suffix="_v2Pro"),
        _vits(
            "v2ProPlus",
            replace(_PRO, decoder_width=768, rate_kernels=(20, 16, 8, 2, 2)),
            suffix="_v2ProPlus",
        ),
        ModelVersion(
            name="v3",
            symbols="v2",
            decoder="flow",
            content="hubert",
            vocoder="bigvgan",
            gpt=_GPT_V2,
            flow=FlowSizes(phone_vocab=732, frames_per_content=1.875, frames_per_code_at_speed=3.875),
            mel=MelSpec(sample_rate=24000, n_fft=1024, hop=256, bands=100),
            output_rate_hz=24000,
            reference_frames=468,
            chunk_frames=934,
            has_super_sampling=True,
            weights_suffix="_v3",
            sovits_training=_FLOW_TRAINING,
        ),
        ModelVersion(
            name="v4",
            symbols="v2",
            decoder="flow",
            content="hubert",
            vocoder="hifigan",
            gpt=_GPT_V2,
            flow=FlowSizes(phone_vocab=732, frames_per_content=2.0, frames_per_code_at_speed=4.0),
            mel=MelSpec(sample_rate=32000, n_fft=1280, hop=320, bands=100),
            output_rate_hz=48000,
            reference_frames=500,
            chunk_frames=1000,
            sampling_steps=8,
            weights_suffix="_v4",
            sovits_training=_FLOW_TRAINING,
        ),
    )
}


def version(name: str) -> ModelVersion:
    """The record called ``name``; raises `UnknownChoice` naming the valid ones."""
    try:
        return VERSIONS[name]
    except KeyError:
        raise UnknownChoice("model version", name, VERSIONS) from None
