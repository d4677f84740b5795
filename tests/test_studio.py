from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.core.errors import BadInput, NotFound, TooBusy, UnknownChoice
from myna.core.progress import silent
from myna.core.speech import AudioChunk, SpeechRequest, Voice
from myna.core.workspace import VoiceFolder, Workspace, make_folder
from myna.engine.synthesis.speech_file import write_speech
from myna.jobs.job import Status
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker
from myna.steps.prepare import ConvertAudio, SliceAudio
from myna.steps.train import TrainGpt
from myna.studio import Owner, Studio, Wishes
from myna.testing.fake_speaker import FakeSpeaker

VOICE = Voice(reference=Path("clip.wav"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlJobStore]:
    store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield store
    store.close()


@pytest.fixture
def voice(tmp_path: Path) -> VoiceFolder:
    voice = VoiceFolder(tmp_path / "anna")
    make_folder(voice.input_audio)
    write_wav(voice.input_audio / "a.wav", (0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000)
    return voice


def studio_of(store: SqlJobStore, max_queued: int = 10) -> Studio:
    place = Path(str(store.engine.url.database)).parent
    return Studio(FakeSpeaker(), store, workspace=Workspace(place), logs=place / "logs", max_queued=max_queued)


def test_more_jobs_than_may_wait_are_refused(store: SqlJobStore, voice: VoiceFolder) -> None:
    studio = studio_of(store, max_queued=2)
    first = studio.submit(ConvertAudio(folder=voice.path))
    studio.submit_chain([ConvertAudio(folder=voice.path), TrainGpt(folder=voice.path)])
    with pytest.raises(TooBusy, match="2 jobs are waiting"):
        studio.submit(ConvertAudio(folder=voice.path))
    studio.cancel(first.id)
    studio.submit(ConvertAudio(folder=voice.path))
    studio.forget(first.id)
    with pytest.raises(NotFound):
        studio.job(first.id)


def test_jobs_of_others_take_places(store: SqlJobStore, voice: VoiceFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = studio_of(store, max_queued=2), studio_of(store, max_queued=2)
    here.submit(ConvertAudio(folder=voice.path))
    elsewhere.submit(ConvertAudio(folder=voice.path))
    monkeypatch.setattr("myna.studio._COUNT_S", 0.0)
    with pytest.raises(TooBusy):
        here.submit(ConvertAudio(folder=voice.path))


def test_places_are_not_counted_for_every_job(
    store: SqlJobStore, voice: VoiceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, counted = studio_of(store), []
    monkeypatch.setattr("myna.studio._COUNT_S", 60.0)
    monkeypatch.setattr(store, "count", lambda status: counted.append(status) or 0)
    for _ in range(5):
        studio.submit(ConvertAudio(folder=voice.path))
    assert len(counted) == 1


def test_a_chain_waits_for_the_rarest_worker_it_needs(store: SqlJobStore, voice: VoiceFolder) -> None:
    studio = studio_of(store)
    assert studio.submit_chain([ConvertAudio(folder=voice.path)]).order.queue == "cpu"
    assert studio.submit_chain([ConvertAudio(folder=voice.path), TrainGpt(folder=voice.path)]).order.queue == "gpu"


def test_speech_comes_in_chunks(store: SqlJobStore) -> None:
    chunks = list(studio_of(store).say(SpeechRequest(text="One. Two, three.", voice=VOICE)))
    assert [(chunk.piece, chunk.text) for chunk in chunks] == [(0, "One."), (1, "Two, three.")]
    assert chunks[1].start_s == chunks[0].end_s


def test_a_step_is_done_by_a_worker_and_watched(
    store: SqlJobStore, voice: VoiceFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1] / "src")]))
    studio = studio_of(store)
    good = studio.submit(ConvertAudio(folder=voice.path), Wishes(Owner("anna")))
    bad = studio.submit(SliceAudio(folder=make_folder(tmp_path / "empty")))
    assert (good.kind, good.status) == ("convert_audio", Status.QUEUED)
    stop = threading.Event()
    worker = Worker(store, "myna.steps.catalog:run_job", tmp_path / "logs", poll_s=0.05)
    thread = threading.Thread(target=worker.serve, args=(stop,))
    thread.start()
    try:
        seen = list(studio.watch(good.id, user="anna", every_s=0.02))
        failed = list(studio.watch(bad.id, every_s=0.02))[-1]
    finally:
        stop.set()
        thread.join()
    assert [job.status for job in seen[-1:]] == [Status.COMPLETED], seen[-1].error
    assert decode(voice.converted_wav / "a.wav").sample_rate == 32000
    assert failed.status is Status.FAILED
    assert failed.error.startswith("slice_audio found nothing in")


def test_a_job_is_its_owners(store: SqlJobStore, voice: VoiceFolder) -> None:
    studio = studio_of(store)
    job = studio.submit(ConvertAudio(folder=voice.path), Wishes(Owner("anna")))
    with pytest.raises(NotFound, match="there is no job"):
        studio.cancel(job.id, user="bob")
    with pytest.raises(NotFound):
        next(studio.watch(job.id, user="bob"))
    assert studio.cancel(job.id, user="anna").status is Status.CANCELLED
    assert [seen.status for seen in studio.watch(job.id)] == [Status.CANCELLED]


def test_a_file_is_its_chunks_joined(tmp_path: Path) -> None:
    request = SpeechRequest(text="One. Two.", voice=VOICE)
    told: list[float] = []
    chunks = list(FakeSpeaker().say(request))
    seconds = write_speech(
        chunks,
        tmp_path / "x.wav",
        subtitles=tmp_path / "x.srt",
        text=request.text,
        progress=lambda fraction, note: told.append(fraction),
    )
    audio = decode(tmp_path / "x.wav")
    assert abs(audio.seconds - seconds) < 1e-3
    assert np.allclose(audio.samples, np.concatenate([chunk.samples for chunk in chunks]), atol=1e-4)
    assert told == sorted(told)
    assert (tmp_path / "x.srt").read_text(encoding="utf-8").count("-->") == 2


def test_speech_that_fails_on_the_way_leaves_no_file(tmp_path: Path) -> None:
    def breaks() -> Iterator[AudioChunk]:
        yield from FakeSpeaker().say(SpeechRequest(text="One.", voice=VOICE))
        raise BadInput("no more")

    for chunks, error in ((breaks(), "no more"), (iter(()), "nothing was said")):
        with pytest.raises(BadInput, match=error):
            write_speech(chunks, tmp_path / "x.wav", subtitles=tmp_path / "x.srt", text="x", progress=silent)
    with pytest.raises(UnknownChoice, match=r"choose one of: \.wav"):
        write_speech(iter(()), tmp_path / "x.txt", subtitles=None, text="x", progress=silent)
    assert list(tmp_path.iterdir()) == []
