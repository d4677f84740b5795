"""A reader of pickled data that cannot run code.

A pickle is a program for a small stack machine; Python's own machine imports whatever the file names and calls it. This
one knows the opcodes that plain data and torch tensors need, imports nothing, and calls only what its caller lists:
``globals`` maps a dotted name to a function of the pickled arguments. Everything else is refused by name. Source of the
opcodes: the standard library's `pickletools`, which also splits the stream.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from myna.core.errors import BadCheckpoint

Constructor = Callable[[tuple[object, ...]], object]

MAX_DEPTH = 64
MAX_NODES = 1_000_000
_MAX_INTEGER_BITS = 128
_STEPS_AT_ONCE = 256
_KEY_TYPES = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Global:
    """A name that the file refers to, as in ``torch.FloatStorage``. Only a name: nothing was imported."""

    name: str


class Record(dict[str, object]):
    """An object of a foreign class, kept as its attributes; becomes a plain dict in the result."""


def _never(_arguments: tuple[object, ...]) -> object:
    """Constructor of globals that are only named, never called."""
    raise BadCheckpoint("the file calls a name that is no constructor")


NAME_ONLY: Constructor = _never


def _opcodes(stream: io.BytesIO) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    """The stream's opcodes; what the splitter warns of in damaged texts is of no interest."""
    opcodes = pickletools.genops(stream)
    while True:
        with warnings.catch_warnings():  # around many: entering it takes longer than an opcode
            warnings.simplefilter("ignore", DeprecationWarning)
            steps = list(islice(opcodes, _STEPS_AT_ONCE))
        if not steps:
            return
        yield from steps


class _Machine:
    """One run over one pickle. ``persistent`` turns persistent ids (torch's storages) into objects."""

    def __init__(self, globals_: Mapping[str, Constructor], persistent: Callable[[object], object]) -> None:
        self._globals = globals_
        self._persistent = persistent
        self._stack: list[object] = []
        self._marks: list[list[object]] = []
        self._memo: dict[int, object] = {}

    def run(self, stream: io.BytesIO) -> object:
        """Read one pickle from ``stream`` and leave the stream behind its last byte."""
        for opcode, argument, _ in _opcodes(stream):
            name = opcode.name
            if name in _PUSHES:
                self._stack.append(argument)
            elif name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name]())
            elif name in _ACTIONS:
                _ACTIONS[name](self, argument)
            elif name == "STOP":
                return self._stack.pop()
            elif name not in _IGNORED:
                raise BadCheckpoint(f"the file uses the pickle instruction {name}, which no tensor needs")
        raise BadCheckpoint("the pickle has no end")

    def _items(self) -> list[object]:
        """Everything since the last mark; the stack goes back to what was below it."""
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _mark(self, _argument: object) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _pop(self, _argument: object) -> None:
        self._stack.pop()

    def _pop_mark(self, _argument: object) -> None:
        self._items()

    def _put(self, index: object) -> None:
        self._memo[_integer(index)] = self._stack[-1]

    def _memoize(self, _argument: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, index: object) -> None:
        self._stack.append(self._memo[_integer(index)])

    def _tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise BadCheckpoint("the pickle takes more from its stack than there is")
        items = tuple(self._stack[-count:])
        del self._stack[-count:]
        self._stack.append(items)

    def _tuple_since_mark(self, _argument: object) -> None:
        items = tuple(self._items())
        self._stack.append(items)

    def _append(self, _argument: object) -> None:
        item = self._stack.pop()
        _as_list(self._stack[-1]).append(item)

    def _appends(self, _argument: object) -> None:
        items = self._items()
        _as_list(self._stack[-1]).extend(items)

    def _set_item(self, _argument: object) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        _as_dict(self._stack[-1])[_key(key)] = value

    def _set_items(self, _argument: object) -> None:
        items = self._items()
        target = _as_dict(self._stack[-1])
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_key(key)] = value

    def _global(self, argument: object) -> None:
        module, _, name = str(argument).partition(" ")
        self._push_global(f"{module}.{name}")

    def _stack_global(self, _argument: object) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise BadCheckpoint("the pickle names a global that is no text")
        self._push_global(f"{module}.{name}")

    def _push_global(self, name: str) -> None:
        if name not in self._globals:
            raise BadCheckpoint(f"the file asks for {name[:200]!r}; nothing of it was executed")
        self._stack.append(Global(name))

    def _call(self, _argument: object) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise BadCheckpoint("the pickle calls something that is no constructor")
        self._stack.append(self._globals[function.name](arguments))

    def _build(self, _argument: object) -> None:
        # State of anything but a record (the version notes of a state dict) is dropped: nobody reads it.
        state = self._stack.pop()
        target = self._stack[-1]
        if isinstance(target, Record):
            for key, value in _as_dict(state).items():
                target[str(key)] = value
        elif not isinstance(target, dict):
            raise BadCheckpoint("the pickle sets the state of something that has none")

    def _persistent_id(self, _argument: object) -> None:
        self._stack.append(self._persistent(self._stack.pop()))


_NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT")
_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
_PUSHES = frozenset((*_NUMBERS, *_TEXTS, *_BYTES))
_CONSTANTS: dict[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
}
_IGNORED = frozenset({"PROTO", "FRAME"})
_ACTIONS: dict[str, Callable[[_Machine, object], None]] = {
    "MARK": _Machine._mark,
    "POP": _Machine._pop,
    "POP_MARK": _Machine._pop_mark,
    "BINPUT": _Machine._put,
    "LONG_BINPUT": _Machine._put,
    "MEMOIZE": _Machine._memoize,
    "BINGET": _Machine._get,
    "LONG_BINGET": _Machine._get,
    "TUPLE": _Machine._tuple_since_mark,
    "TUPLE1": lambda machine, _: machine._tuple_of(1),
    "TUPLE2": lambda machine, _: machine._tuple_of(2),
    "TUPLE3": lambda machine, _: machine._tuple_of(3),
    "APPEND": _Machine._append,
    "APPENDS": _Machine._appends,
    "SETITEM": _Machine._set_item,
    "SETITEMS": _Machine._set_items,
    "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global,
    "REDUCE": _Machine._call,
    "NEWOBJ": _Machine._call,
    "BUILD": _Machine._build,
    "BINPERSID": _Machine._persistent_id,
}


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise BadCheckpoint("the pickle is damaged: a number was expected")
    return value


def _as_list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise BadCheckpoint("the pickle is damaged: a list was expected")
    return value


def _as_dict(value: object) -> dict[object, object]:
    if not isinstance(value, dict):
        raise BadCheckpoint("the pickle is damaged: a dictionary was expected")
    return value


def _key(value: object) -> object:
    # Nested tuples as keys would make hashing take exponential time.
    if not isinstance(value, _KEY_TYPES):
        raise BadCheckpoint(f"a dictionary key of type {type(value).__name__}; keys are texts and numbers")
    return value


def run_pickle(
    stream: io.BytesIO, globals_: Mapping[str, Constructor], persistent: Callable[[object], object]
) -> object:
    """The object of the pickle that starts at ``stream``'s position; the stream is left behind it.

    ``globals_`` are the only names the file may use, ``persistent`` answers its persistent ids. The result may still
    hold `Global` and `Record` objects and cycles: give it to `plain`. Raises `BadCheckpoint`.
    """
    try:
        return _Machine(globals_, persistent).run(stream)
    except (ValueError, IndexError, KeyError, EOFError, OverflowError, MemoryError) as error:
        raise BadCheckpoint(f"the pickle is damaged: {error}") from error


def plain(value: object, leaf: Callable[[object], bool]) -> object:
    """``value`` with plain dicts, lists and tuples of plain values and of leaves; checked for cycles and size.

    Shared parts are counted as often as they appear, so that whoever walks the result is safe from exponential growth.
    Raises `BadCheckpoint`.
    """
    budget = MAX_NODES

    def walk(node: object, depth: int) -> object:
        nonlocal budget
        budget -= 1
        if depth > MAX_DEPTH or budget < 0:
            raise BadCheckpoint("the file nests its values too deeply or repeats them too often")
        if isinstance(node, dict):
            return {key: walk(item, depth + 1) for key, item in node.items()}
        if isinstance(node, list):
            return [walk(item, depth + 1) for item in node]
        if isinstance(node, tuple):
            return tuple(walk(item, depth + 1) for item in node)
        if isinstance(node, int) and node.bit_length() > _MAX_INTEGER_BITS:
            raise BadCheckpoint("the file holds an integer of thousands of digits")
        if isinstance(node, (*_KEY_TYPES, bytes)) or leaf(node):
            return node
        if isinstance(node, Global):
            raise BadCheckpoint(f"the file keeps {node.name!r} as a value, which is no data")
        raise BadCheckpoint(f"the file holds a value of type {type(node).__name__}")

    return walk(value, 0)
