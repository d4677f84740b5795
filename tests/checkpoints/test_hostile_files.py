"""Model files that want to run something, or to take all memory or time: refused by name, and nothing happens."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from myna.checkpoints import restricted
from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadCheckpoint, LimitExceeded
from tests.checkpoints import torch_files as make

MARK = "was_here"


def attack_objects(mark: Path) -> dict[str, object]:
    touch = f"touch {mark}"
    code = f"open({str(mark)!r}, 'w').close()"
    nested = make.Runs(getattr, make.Runs(__import__, "os"), "system")
    return {
        "os.system": make.Runs(os.system, touch),
        "eval": make.Runs(builtins.eval, code),
        "exec": make.Runs(builtins.exec, code),
        "open": make.Runs(io.open, str(mark), "w"),
        "getattr": nested,
        "import": make.Runs(__import__, "antigravity"),
        "numpy object array": np.array([make.Runs(os.system, touch)], dtype=object),
        "numpy reconstruct": np.zeros(3),
        "path": make.Runs(Path.touch, mark),
        "pickle in pickle": make.Runs(pickle.loads, pickle.dumps(make.Runs(os.system, touch))),
        "torch load": make.Runs(torch.load, str(mark)),
        "torch.hub": make.Runs(torch.hub.load, str(mark.parent), "anything", "local"),
        "reduce in reduce": make.Runs(dict, [("a", make.Runs(os.system, touch))]),
        "partial": make.Runs(__import__("functools").partial, os.system, touch),
    }


@pytest.mark.parametrize("name", sorted(attack_objects(Path("x"))))
@pytest.mark.parametrize("form", ["zip", "head", "legacy", "protocol 4"])
def test_nothing_of_a_hostile_file_runs(tmp_path: Path, name: str, form: str) -> None:
    mark = tmp_path / MARK
    hostile = attack_objects(mark)[name]
    description = pickle.dumps({"weight": hostile}, 4 if form == "protocol 4" else 2)
    data = make.legacy_bytes(description) if form == "legacy" else make.zip_bytes(description)
    if form == "head":
        data = b"05" + data[2:]
    with pytest.raises(BadCheckpoint, match="nothing of it was executed"):
        read_torch(make.written(tmp_path, data))
    assert not mark.exists()


def test_the_attack_files_are_real(tmp_path: Path) -> None:
    """The same pickle does run in the standard library, so the test above proves something."""
    mark = tmp_path / MARK
    pickle.loads(pickle.dumps({"weight": attack_objects(mark)["exec"]}, 2))
    assert mark.exists()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"cos\nsystem\n(X\x02\x00\x00\x00idtR", "os.system"),
        (b"cposix\nsystem\n(X\x02\x00\x00\x00idtR", "posix.system"),
        (b"c__builtin__\neval\n(X\x01\x00\x00\x001tR", "__builtin__.eval"),
        (b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n", "__globals__"),
        (b"ccollections\nOrderedDict.fromkeys\n", "OrderedDict.fromkeys"),
        (b"ctorch\nload\n", "torch.load"),
        (b"cutils\nHParams.__init__\n", "HParams.__init__"),
        (b"cnumpy.core.multiarray\n_reconstruct\n", "numpy.core.multiarray._reconstruct"),
        (b"cnumpy._core.multiarray\nscalar\n", "numpy._core.multiarray.scalar"),
        (b"ctorch.storage\n_load_from_bytes\n", "torch.storage._load_from_bytes"),
        (b"ctorch.hub\nload\n", "torch.hub.load"),
        (b"ctorch.hub\nload_state_dict_from_url\n", "torch.hub.load_state_dict_from_url"),
        (b"cbuiltins\ngetattr\n", "builtins.getattr"),
        (b"cbuiltins\ndict.fromkeys\n", "builtins.dict.fromkeys"),
        (b"cpytorch_lightning\nTrainer\n", "pytorch_lightning.Trainer"),
        (b"ctorch.jit._script\nunpackage_script_module\n", "unpackage_script_module"),
    ],
)
def test_the_refusal_names_what_the_file_asked_for(tmp_path: Path, body: bytes, name: str) -> None:
    with pytest.raises(BadCheckpoint) as caught:
        read_torch(make.written(tmp_path, make.zip_bytes(make.named(body))))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"(S'echo'\nios\nsystem\n",  # INST
        b"(cos\nsystem\nS'echo'\no",  # OBJ
        b"\x82\x01",  # EXT1
        b"Pname\n",  # PERSID of protocol 0
        b"ccollections\nOrderedDict\n)}\x92",  # NEWOBJ_EX
        b"\x8f",  # a set
    ],
)
def test_instructions_that_no_tensor_needs_are_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        read_torch(make.written(tmp_path, make.zip_bytes(make.named(body))))


@pytest.mark.parametrize(
    "body",
    [
        b"ccollections\nOrderedDict\n",  # a name as value
        b"cbuiltins\ndict\n",
        b"cbuiltins\ndict\n)R",  # calling what is only named
        b"ccollections\ndefaultdict\n(](X\x01\x00\x00\x00aNtatR",
        b"ctorch\ndevice\n(]tR",
        b"ctorch\nFloatStorage\n)R",  # calling a storage type
        b"ccollections\nOrderedDict\n}b",  # state of a class: would change the class itself
        b"ctorch._utils\n_rebuild_tensor_v2\n}b",
        b"cutils\nHParams\n}X\x01\x00\x00\x00aNsb",
        b"cutils\nHParams\n)\x81X\x01\x00\x00\x00ab",  # state that is no dictionary
        b"cutils\nHParams\n(X\x01\x00\x00\x00at\x81",
        b"ccollections\nOrderedDict\n(](X\x01\x00\x00\x00aNtatR",
        b"X\x01\x00\x00\x00a)R",  # calling a text
        b"]K\x01R",
        b"cpathlib\nPosixPath\n(K\x01tR",
        b"ctorch._utils\n_rebuild_parameter\n(K\x01tR",
        b"}(]K\x01u",  # a list as key
        b"}(K\x01u",  # key without value
        b"0000",
        b"t",
        b"u",
        b"\x87",
        b"h\x05",
        b"Q",
        b"X\x01\x00\x00\x00aQ",
        b"X\x02\x00\x00\x00\xff\xfe",  # no UTF-8
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",  # bytes of 2^63
        b"\x8b\xff\xff\xff\x7f",
        b"]a",
    ],
)
def test_misused_instructions_are_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        read_torch(make.written(tmp_path, make.zip_bytes(make.named(body))))


def short(value: str) -> bytes:
    """Opcode of protocol 4 that pushes a text."""
    return b"\x8c" + bytes([len(value.encode())]) + value.encode()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (short("os"), short("system")),
        (short("collec"), short("tions")),
        (short("collections"), short("OrderedDict.__init__.__globals__")),
        (short(""), short("os")),
        (short("torch._utils"), short("_rebuild_tensor_v2.__globals__")),
        (short("torch._utils._rebuild_tensor_v2"), short("__globals__")),
        (short("collections"), short("OrderedDict\n")),  # a name that only looks known
        (short("collections") + b"\x94", b"h\x00"),  # the module's name out of the memo, twice
        (short("collections"), b"N"),
        (short("collections"), b"]"),
        (short("collections"), short("OrderedDict") + b"\x85"),  # a tuple
    ],
)
def test_tricks_with_names_from_the_stack_are_refused(tmp_path: Path, module: bytes, name: bytes) -> None:
    description = b"\x80\x04}" + short("weight") + module + name + b"\x93" + b")R" + b"s."
    with pytest.raises(BadCheckpoint, match=r"model\.pth: .*(nothing of it was executed|no text)"):
        read_torch(make.written(tmp_path, make.zip_bytes(description)))


def test_an_honest_name_from_the_stack_is_read(tmp_path: Path) -> None:
    description = b"\x80\x04}" + short("weight") + short("collections") + short("OrderedDict") + b"\x93)Rs."
    assert read_torch(make.written(tmp_path, make.zip_bytes(description))) == {"weight": {}}


def test_settings_class_cannot_be_changed_by_a_file(tmp_path: Path) -> None:
    before = dict(restricted.GLOBALS)
    body = b"cutils\nHParams\n}X\x04\x00\x00\x00keysX\x01\x00\x00\x00xsb"
    with pytest.raises(BadCheckpoint):
        read_torch(make.written(tmp_path, make.zip_bytes(make.named(body))))
    assert dict(restricted.GLOBALS) == before


# --- files that want memory or time ---------------------------------------------------------------------------------


def test_nested_tuples_cannot_take_exponential_time(tmp_path: Path) -> None:
    doubling = b")" + b"2\x86" * 60  # t = (t, t), sixty times
    for body in (doubling, b"}" + doubling + b"Ns"):
        with pytest.raises(BadCheckpoint):
            read_torch(make.written(tmp_path, make.zip_bytes(make.named(body))))


def test_shared_lists_cannot_grow_without_end(tmp_path: Path) -> None:
    level = [b"](" + bytes([ord("h"), number]) * 10 + b"eq" + bytes([number + 1]) for number in range(20)]
    body = b"(]q\x00" + b"".join(level) + b"t"  # each list holds the one before it ten times
    with pytest.raises(BadCheckpoint, match="repeats them too often"):
        read_torch(make.written(tmp_path, make.zip_bytes(make.named(body))))


@pytest.mark.parametrize("body", [b"]q\x00h\x00a", b"}q\x00X\x01\x00\x00\x00ah\x00s", b"]" * 5000 + b"a" * 4999])
def test_cycles_and_deep_nests_are_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(BadCheckpoint, match="too deeply"):
        read_torch(make.written(tmp_path, make.zip_bytes(make.named(body))))


FOUR = np.arange(4, dtype="<f4").tobytes()


@pytest.mark.parametrize(
    "body",
    [
        make.tensor(make.storage("0", make.integer(4)), shape=(5,)),
        make.tensor(make.storage("0", make.integer(4)), offset=3),
        make.tensor(make.storage("0", make.integer(4)), offset=-1),
        make.tensor(make.storage("0", make.integer(4)), shape=(2, 2), stride=(3, 1)),
        make.tensor(make.storage("0", make.integer(4)), shape=(10**12,), stride=(0,)),
        make.tensor(make.storage("0", make.integer(4)), shape=(2**62, 4), stride=(0, 0)),
        make.tensor(make.storage("0", make.integer(4)), shape=(2,), stride=(-1,)),
        make.tensor(make.storage("0", make.integer(4)), shape=(2,), stride=(1, 1)),
        make.tensor(make.storage("0", make.integer(4)), shape=(1,) * 40, stride=(1,) * 40),
        make.tensor(make.storage("0", make.long(10**15))),
        make.tensor(make.storage("0", make.integer(-4))),
        make.tensor(make.storage("0", make.integer(5))),
        make.tensor(make.storage("1", make.integer(4))),
        make.tensor(make.storage("../data.pkl", make.integer(4))),
        make.tensor(make.storage("../../../../etc/passwd", make.integer(4))),
        make.tensor(make.storage("0", make.integer(4), kind="HalfStorage")),
        make.tensor(make.text("no storage")),
        b"(" + make.storage("0", make.integer(4)) + make.storage("0", make.integer(2), "DoubleStorage") + b"t",
        make.storage("0", make.integer(4)),  # numbers without a tensor
    ],
)
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_tensors_that_claim_too_much_are_refused(tmp_path: Path, body: bytes, form: str) -> None:
    description = make.named(body)
    data = make.zip_bytes(description, {"0": FOUR}) if form == "zip" else make.legacy_bytes(description)
    with pytest.raises(BadCheckpoint):
        read_torch(make.written(tmp_path, data))


def test_a_hand_made_honest_tensor_is_read(tmp_path: Path) -> None:
    """So the refusals above are about the claims and not about the form."""
    body = make.tensor(make.storage("0", make.integer(4)), offset=1, shape=(2,), stride=(2,))
    content = read_torch(make.written(tmp_path, make.zip_bytes(make.named(body), {"0": FOUR})))
    assert content["weight"].tolist() == [1.0, 3.0]


def test_a_thousand_tensors_over_the_same_numbers_are_refused(tmp_path: Path) -> None:
    numbers = bytes(400_000)
    one = make.tensor(make.storage("0", make.integer(100_000)), shape=(100_000,))
    with pytest.raises(BadCheckpoint, match="share their numbers"):
        read_torch(make.written(tmp_path, make.zip_bytes(make.named(b"(" + one * 1000 + b"t"), {"0": numbers})))


def test_compressed_zips_are_refused(tmp_path: Path) -> None:
    bomb = make.zip_bytes(make.named(b"N"), {"0": bytes(50_000_000)}, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    with pytest.raises(BadCheckpoint, match="compressed"):
        read_torch(make.written(tmp_path, bomb))


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    data = bytearray(make.zip_bytes(make.named(b"N"), {"0": bytes(64), "1": bytes(64)}))
    where = [at for at in range(len(data)) if data[at : at + 4] == b"PK\x01\x02"]
    first, second = (next(at for at in where if data[at + 46 :].startswith(f"archive/data/{k}".encode())) for k in "01")
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    with pytest.raises(BadCheckpoint):
        read_torch(make.written(tmp_path, bytes(data)))


@pytest.mark.parametrize(
    "name",
    ["archive/x/../../../evil", "../evil", "/etc/evil", "archive/data/..", "archive\\..\\evil", "\\\\host\\evil"],
)
def test_member_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    path = make.written(tmp_path, make.zip_bytes(make.named(b"N"), more={name: b"x"}))
    with pytest.raises(BadCheckpoint, match=r"model\.pth: the zip names a member .*leads out of its folder"):
        read_torch(path)
    assert [item.name for item in tmp_path.iterdir()] == ["model.pth"]


@pytest.mark.parametrize("name", ["archive/..data/0", "archive/a..b", "archive/.data"])
def test_dots_in_names_are_no_crime(tmp_path: Path, name: str) -> None:
    assert read_torch(make.written(tmp_path, make.zip_bytes(make.named(b"N"), more={name: b"x"}))) == {"weight": None}


def test_a_second_description_confuses_nobody(tmp_path: Path) -> None:
    path = make.written(tmp_path, make.zip_bytes(make.named(b"N"), more={"other/data.pkl": b"N."}))
    with pytest.raises(BadCheckpoint, match="one folder with"):
        read_torch(path)


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make.written(tmp_path, make.zip_bytes(make.named(b"N"), {"0": FOUR}))
    for limit in ("MAX_PICKLE_BYTES", "MAX_FILE_BYTES", "MAX_MEMBERS"):
        with monkeypatch.context() as patched:
            patched.setattr(restricted, limit, 3)
            with pytest.raises(LimitExceeded):
                read_torch(path)
    assert read_torch(path) == {"weight": None}


GREEDY = """
import resource, sys
from pathlib import Path
from myna.checkpoints.model_file import read_model
from myna.core.errors import MynaError

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        read_model(Path(path))
    except MynaError:
        continue
    sys.exit(f"{path} was read")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_bounded_while_refusing(tmp_path: Path) -> None:
    """In a process of its own, whose memory nothing else has stretched before; in KiB."""
    terabyte = make.tensor(make.storage("0", make.integer(4)), shape=(10**12,), stride=(0,))
    shared = make.tensor(make.storage("0", make.integer(100_000)), shape=(100_000,))
    claimed = b'{"a":{"dtype":"F32","shape":[250000000000],"data_offsets":[0,1000000000000]}}'
    files = {
        "tensor.pth": make.zip_bytes(make.named(terabyte), {"0": FOUR}),
        "storage.pth": make.zip_bytes(make.named(make.tensor(make.storage("0", make.long(10**15)))), {"0": FOUR}),
        "legacy.pth": make.legacy_bytes(make.named(make.tensor(make.storage("0", make.long(10**12))))),
        "shared.pth": make.zip_bytes(make.named(b"(" + shared * 3000 + b"t"), {"0": bytes(400_000)}),
        "tuples.pth": make.zip_bytes(make.named(b")" + b"2\x86" * 60)),
        "text.pth": make.zip_bytes(make.named(b"X\xff\xff\xff\x7fa")),
        "numbers.safetensors": len(claimed).to_bytes(8, "little") + claimed,
        "header.safetensors": (2**40).to_bytes(8, "little") + b"{}",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / name) for name in files]
    done = subprocess.run([sys.executable, "-c", GREEDY, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 * 1024
