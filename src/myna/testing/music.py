"""Music to mix voices with, made of tones and noise, and how well they were taken apart again.

A band of four: chords spread over the sides, bass and bass drum in the middle, snare a little beside it, hi-hats
further out, in a room whose reverberation differs between the channels. Nobody's music, but hard in the ways that
matter: part of it sits where voices sit, part of it stands still and part does not.
"""

from __future__ import annotations

import numpy as np

RATE_HZ = 44_100

_BEAT = RATE_HZ // 2
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
_ROOM_S = 0.6


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019) of ``estimate``, any equal shapes, in dB."""
    wanted, found = reference.astype(np.float64).ravel(), estimate.astype(np.float64).ravel()
    target = wanted * (found @ wanted) / (wanted @ wanted)
    rest = found - target
    return float(10 * np.log10((target @ target) / max(float(rest @ rest), 1e-20)))


def mixed(voice: np.ndarray, level_db: float, seed: int = 0, *, is_wide: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A mono ``voice`` (T,) at 44.1 kHz in the middle, and music (T, 2) that is ``level_db`` quieter; add them.

    Where not ``is_wide`` the music is mono too.
    """
    choice = np.random.default_rng(seed)
    centred = np.stack([voice, voice], axis=1)
    dry = _band(len(voice), choice, 0.8 if is_wide else 0.0)
    music = dry + 0.3 * _in_a_room(dry, choice, is_wide)
    music *= np.std(centred) / np.std(music) * 10 ** (-level_db / 20)
    return centred.astype(np.float32), music.astype(np.float32)


def _band(length: int, choice: np.random.Generator, width: float) -> np.ndarray:
    sound = np.zeros((length + 2 * _BEAT, 2))
    for beat in range(-(-length // _BEAT)):
        here = sound[beat * _BEAT :]
        chord = _CHORDS[beat // 4 % 4]
        if beat % 2 == 0:
            for step, side in zip(chord, (-width, width, width / 2), strict=True):
                _add(here, _note(220 * 2 ** (step / 12), 2 * _BEAT, 0.8, choice) * 0.2, side)
        _add(here, _note(55 * 2 ** (chord[0] / 12), _BEAT, 0.4, choice) * 0.4, 0.0)
        _add(here, _bass_drum() if beat % 2 == 0 else _snare(choice), width / 8)
        for late in (0, _BEAT // 2):
            _add(here[late:], _hi_hat(choice), width / 2)
    return sound[:length]


def _add(place: np.ndarray, sound: np.ndarray, side: float) -> None:
    """Add ``sound`` (t,) to ``place`` (T, 2), ``side`` -1 (left) to 1 (right), at equal power."""
    angle = (side + 1) * np.pi / 4
    length = min(len(place), len(sound))
    place[:length] += np.sqrt(2) * sound[:length, None] * [np.cos(angle), np.sin(angle)]


def _note(hertz: float, length: int, decay_s: float, choice: np.random.Generator) -> np.ndarray:
    moments = np.arange(length) / RATE_HZ
    tones = [np.sin(2 * np.pi * hertz * k * moments + choice.uniform(0, 6)) / k**1.3 for k in range(1, 12)]
    note: np.ndarray = np.sum(tones, axis=0) * np.exp(-moments / decay_s)
    return note


def _bass_drum() -> np.ndarray:
    moments = np.arange(int(0.15 * RATE_HZ)) / RATE_HZ
    drum: np.ndarray = np.sin(2 * np.pi * 60 * moments * (1 + 2 * np.exp(-40 * moments))) * np.exp(-25 * moments)
    return drum


def _snare(choice: np.random.Generator) -> np.ndarray:
    moments = np.arange(int(0.15 * RATE_HZ)) / RATE_HZ
    return 0.5 * choice.standard_normal(len(moments)) * np.exp(-25 * moments)


def _hi_hat(choice: np.random.Generator) -> np.ndarray:
    moments = np.arange(int(0.05 * RATE_HZ)) / RATE_HZ
    return 0.25 * np.diff(choice.standard_normal(len(moments)), prepend=0.0) * np.exp(-80 * moments)


def _in_a_room(sound: np.ndarray, choice: np.random.Generator, is_wide: bool) -> np.ndarray:
    moments = np.arange(int(_ROOM_S * RATE_HZ)) / RATE_HZ
    echoes = choice.standard_normal((len(moments), 2)) * np.exp(-9 * moments)[:, None]
    if not is_wide:
        echoes[:, 1] = echoes[:, 0]
    echoes /= np.sqrt(np.square(echoes).sum(axis=0))
    size = len(sound) + len(echoes)
    wet: np.ndarray = np.fft.irfft(np.fft.rfft(sound, size, axis=0) * np.fft.rfft(echoes, size, axis=0), size, axis=0)
    return wet[: len(sound)]
