"""The command line twins of the official speech servers: `myna api_v2` and `myna api`, on 9880 as they are.

What such a command line chooses (weights, a reference) is chosen as a client would, for everybody who comes later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from myna.api.tts.languages import LANGUAGES
from myna.cli.serve import start
from myna.cli.show import line
from myna.core.errors import BadInput, NotFound, UnknownChoice
from myna.core.settings import Settings, read_settings
from myna.core.versions import version
from myna.steps.step import engine_needed

PORT = 9880
STREAM_MODES = {"close": False, "c": False, "normal": True, "n": True, "keepalive": False, "k": False}
"""``keepalive`` is documented by the official program, and is ``close`` there too."""
MEDIA_TYPES = ("wav", "ogg", "aac")
SUB_TYPES = ("int16", "int32")

Address = Annotated[str, typer.Option("-a", "--bind_addr", help="Address to listen on.")]
Port = Annotated[int, typer.Option("-p", "--port", help="Port to listen on.")]


def api_v2(
    tts_config: Annotated[
        Path | None, typer.Option("-c", "--tts_config", help="tts_infer.yaml, whose section `custom` is used.")
    ] = None,
    bind_addr: Address = "127.0.0.1",
    port: Port = PORT,
) -> None:
    """Serve speech where api_v2.py does, with its command line; all other dialects too."""
    settings = _settings({"host": bind_addr, "port": port})
    if tts_config is not None:
        custom = read_config(tts_config)
        settings = settings.model_copy(update={"device": custom["device"]} if custom.get("device") else {})
        choose_weights(settings, custom.get("t2s_weights_path"), custom.get("vits_weights_path"))
    start(settings)


def api(
    sovits_path: Annotated[Path | None, typer.Option("-s", "--sovits_path", help="SoVITS weights.")] = None,
    gpt_path: Annotated[Path | None, typer.Option("-g", "--gpt_path", help="GPT weights.")] = None,
    default_refer_path: Annotated[
        Path | None, typer.Option("-dr", "--default_refer_path", help="Reference of requests that have none.")
    ] = None,
    default_refer_text: Annotated[str, typer.Option("-dt", "--default_refer_text", help="Its words.")] = "",
    default_refer_language: Annotated[
        str, typer.Option("-dl", "--default_refer_language", help="Their language: zh, en, ja, ko, yue, 中文, …")
    ] = "",
    device: Annotated[str | None, typer.Option("-d", "--device", help="cuda or cpu.")] = None,
    bind_addr: Address = "127.0.0.1",
    port: Port = PORT,
    full_precision: Annotated[
        bool, typer.Option("-fp", "--full_precision", help="Accepted; precision is the device's.")
    ] = False,
    half_precision: Annotated[
        bool, typer.Option("-hp", "--half_precision", help="Accepted; precision is the device's.")
    ] = False,
    stream_mode: Annotated[str, typer.Option("-sm", "--stream_mode", help="close or normal.")] = "close",
    media_type: Annotated[str, typer.Option("-mt", "--media_type", help="wav, ogg or aac; streams: ogg.")] = "wav",
    sub_type: Annotated[str, typer.Option("-st", "--sub_type", help="int16, or int32 in wav.")] = "int16",
    cut_punc: Annotated[str, typer.Option("-cp", "--cut_punc", help="Marks behind which texts are cut.")] = "",
    hubert_path: Annotated[str, typer.Option("-hb", "--hubert_path", help="Accepted; see `myna fetch`.")] = "",
    bert_path: Annotated[str, typer.Option("-b", "--bert_path", help="Accepted; see `myna fetch`.")] = "",
) -> None:
    """Serve speech where api.py does, with its command line; all other dialects too."""
    settings = _settings({"host": bind_addr, "port": port, **legacy_answers(stream_mode, media_type, sub_type)})
    settings = settings.model_copy(update={"api_cut_punc": cut_punc, **({"device": device} if device else {})})
    choose_weights(settings, gpt_path, sovits_path)
    settings = choose_reference(settings, default_refer_path, default_refer_text, default_refer_language)
    if hubert_path or bert_path or full_precision or half_precision:
        line(f"-hb, -b, -fp and -hp change nothing here: models lie in {settings.models_folder}, see `myna fetch`")
    start(settings)


def legacy_answers(stream_mode: str, media_type: str, sub_type: str) -> dict[str, Any]:
    """The settings of api.py's answers; raises `UnknownChoice`."""
    for name, value, known in (
        ("stream_mode", stream_mode.lower(), STREAM_MODES),
        ("media_type", media_type.lower(), MEDIA_TYPES),
        ("sub_type", sub_type.lower(), SUB_TYPES),
    ):
        if value not in known:
            raise UnknownChoice(name, value, tuple(known))
    streams = STREAM_MODES[stream_mode.lower()]
    form = "ogg" if streams and media_type.lower() == "wav" else media_type.lower()
    return {"api_streams": streams, "api_media_type": form, "api_sub_type": sub_type.lower()}


def read_config(file: Path) -> dict[str, Any]:
    """The section ``custom`` of a tts_infer.yaml; raises `NotFound` and `BadInput`."""
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is not YAML: {str(error).splitlines()[0]}") from None
    custom = content.get("custom") if isinstance(content, dict) else None
    if not isinstance(custom, dict):
        raise BadInput(f"{file} has no section `custom`, which is where api_v2.py finds its weights")
    return custom


def choose_weights(settings: Settings, gpt: str | Path | None, sovits: str | Path | None) -> None:
    """Switch to these weights; raises `NotFound` and `BadCheckpoint`."""
    changed: dict[str, object] = {}
    for kind, given in (("gpt", gpt), ("sovits", sovits)):
        if not given:
            continue
        with engine_needed("speech"):
            from myna.checkpoints.model_file import read_model
        model = read_model(Path(given))
        if model.kind != kind:
            raise BadInput(f"{given} holds no {kind} weights but {model.kind}")
        changed[kind] = Path(given).resolve()
        if kind == "sovits":
            changed["version"] = version(model.version).name
    _choose(settings, changed)


def choose_reference(settings: Settings, path: Path | None, text: str, language: str) -> Settings:
    """Switch to this reference, which must be complete; the settings with which requests may use it."""
    if not (path or text or language):
        return settings
    if path is None or not text or not language:
        raise BadInput("a default reference is -dr, -dt and -dl together: its path, its words and their language")
    if not path.is_file():
        raise NotFound(f"there is no reference {path}")
    code, known = LANGUAGES.get(language, language.lower()), (*LANGUAGES.values(), "en", "zh", "ja", "ko", "yue")
    if code not in known:
        raise UnknownChoice("default_refer_language", language, (*dict.fromkeys(known), *LANGUAGES))
    _choose(settings, {"reference": path.resolve(), "reference_text": text, "reference_language": code})
    return settings.model_copy(update={"roots": (*settings.roots, path.resolve())})


def _choose(settings: Settings, changed: dict[str, object]) -> None:
    if not changed:
        return
    with engine_needed("the server", "server"):
        from myna.api.tts.current import Current
    Current(settings.home, settings.speaks_version).change(**changed)


def _settings(changed: dict[str, Any]) -> Settings:
    return read_settings().model_copy(update=changed)
