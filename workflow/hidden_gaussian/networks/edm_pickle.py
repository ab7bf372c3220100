"""Published network pickles, read as data: tensors and constructor arguments, without executing anything.

Such a file is a pickle of objects with the source text of their classes, which is meant to be executed on loading (the
"persistent classes" of the EDM, StyleGAN2 and StyleGAN3 repositories). Here the source stays a text, objects become
records, and tensors are copied from the bytes of their storages. Written from the public description of the format and
tested on files of the same structure, but not yet on a published file.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import DAMAGE, Interpreter, restricted_pickle

_PERSISTENT = ("torch_utils.persistence", "_reconstruct_persistent_obj")
_TENSOR, _PARAMETER = ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter")
_STORAGE = ("torch.storage", "_load_from_bytes")
_ORDERED = ("collections", "OrderedDict")
_EASY = ("dnnlib.util", "EasyDict")
_SCALAR = {("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")}
_DTYPE = ("numpy", "dtype")
_NUMBERS = ("f4", "f8", "i4", "i8", "b1")
_SETS = {("builtins", "set"), ("__builtin__", "set")}
_MODULES = {("torch.nn.modules.container", name) for name in ("ModuleDict", "ModuleList", "Sequential")}
_TYPES = {
    ("torch", f"{name}Storage"): np.dtype(kind).newbyteorder("<")
    for name, kind in {
        "Float": "f4",
        "Double": "f8",
        "Half": "f2",
        "Bool": "?",
        "Long": "i8",
        "Int": "i4",
        "Short": "i2",
        "Char": "i1",
        "Byte": "u1",
    }.items()
}
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of the storages' own format
_LIMIT = 2**36  # elements of a tensor


@dataclass
class Record:
    """The description of an object in a pickle; the object itself is never created.

    Attributes
    ----------
    class_name : str
    source : str
        Source text of the module of its class; empty for classes of torch.
    state : dict
        Its attributes: plain values, numpy arrays and further records.
    """

    class_name: str
    source: str
    state: dict[str, Any]

    def arrays(self, prefix: str = "") -> dict[str, np.ndarray]:
        """Return parameters and persistent buffers by their names in torch's state dictionary."""
        arrays: dict[str, np.ndarray] = {}
        temporary = self.state.get("_non_persistent_buffers_set", ())
        for kind in ("_parameters", "_buffers"):
            for name, value in self.state.get(kind, {}).items():
                if isinstance(value, np.ndarray) and name not in temporary:
                    arrays[prefix + name] = value
        for name, module in self.state.get("_modules", {}).items():
            if isinstance(module, Record):
                arrays |= module.arrays(f"{prefix}{name}.")
        return arrays


def read(data: bytes, where: str) -> Any:
    """Read a pickle of networks without calling, importing or executing anything in it.

    Parameters
    ----------
    data : bytes
    where : str
        Name of the file, for error messages.

    Returns
    -------
    Plain containers and values, :class:`Record` for objects, ndarray for tensors.

    Raises
    ------
    InputError
        If the pickle is damaged, or has a name or opcode that such networks do not need.

    Examples
    --------
    >>> import pickle
    >>> read(pickle.dumps({"sigma_data": 0.5}, protocol=2), "network.pkl")
    {'sigma_data': 0.5}
    """
    try:
        return _Networks(where).run(data)
    except DAMAGE as error:
        raise InputError(f"{where} is damaged ({error}); fetch it again") from error


class _Networks(Interpreter):
    """An interpreter for objects with their source, containers of modules, and tensors."""

    known = frozenset(
        {_PERSISTENT, _TENSOR, _PARAMETER, _STORAGE, _ORDERED, _EASY, _DTYPE, restricted_pickle.CODECS}
        | _SCALAR
        | _SETS
        | _MODULES
    )
    needed_by = "published networks"

    def made(self, word: tuple[str, str], arguments: Any) -> Any:
        """Return the record, array or dictionary for a known name and its arguments."""
        if word == _PERSISTENT:
            return self._record(*arguments)
        if word == _STORAGE:
            return _storage(arguments[0], self.where)
        if word == _TENSOR:
            storage, offset, size, stride, *_ = arguments
            return _tensor(storage, offset, size, stride)
        if word == _PARAMETER and isinstance(arguments[0], np.ndarray):
            return arguments[0]
        if word in (_ORDERED, _EASY) and arguments == ():
            return {}
        if word == _DTYPE and arguments[0] in _NUMBERS:
            return np.dtype(arguments[0]).newbyteorder("<")
        if word in _SCALAR and isinstance(arguments[0], np.dtype):
            return _number(*arguments)
        if word in _SETS:
            return {name for name in arguments[0] if isinstance(name, str)}
        if word == restricted_pickle.CODECS:
            return restricted_pickle.encoded(arguments, self.where)
        raise InputError(f"{self.where} makes {'.'.join(word)} of {str(arguments)[:40]}: refused")

    def _record(self, meta: dict[str, Any]) -> Record:
        if meta["type"] != "class" or not isinstance(meta["state"], dict):
            raise InputError(f"{self.where} holds a persistent {meta['type']!r}, expected a class: refused")
        return Record(str(meta["class_name"]), str(meta["module_src"]), meta["state"])

    def build(self, target: Any, state: Any) -> None:
        """Set the attributes of a container of modules; for a dtype, check its byte order."""
        if isinstance(target, np.dtype):
            if state[1] not in ("<", "|"):
                raise InputError(f"{self.where} holds numbers in the byte order {state[1]!r}, expected '<': refused")
            return
        if not (isinstance(target, Record) and isinstance(state, dict)) or target.state:
            raise InputError(f"{self.where} sets the state of a {type(target).__name__}: refused")
        target.state.update(state)

    def other(self, opcode: str) -> None:
        """Make containers of modules and sets; refuse anything else."""
        match opcode:
            case "NEWOBJ":
                word, arguments = self.pop(2)
                if word not in [*_MODULES, _EASY] or arguments != ():
                    raise InputError(f"{self.where} makes an object of {word} with {str(arguments)[:40]}: refused")
                self.stack.append({} if word == _EASY else Record(word[1], "", {}))
            case "EMPTY_SET":
                self.stack.append(set())
            case "ADDITEMS":
                names = self.marked()
                self.stack[-1].update(name for name in names if isinstance(name, str))
            case _:
                super().other(opcode)


def _number(dtype: np.dtype[Any], content: bytes) -> float | int | bool:
    """Return a numpy scalar as a plain number, such as a square root among the arguments of layers."""
    (number,) = np.frombuffer(content, dtype).tolist()
    return number  # type: ignore[no-any-return]


@dataclass
class _Key:
    """The description of a storage, before its content is read."""

    kind: np.dtype[Any]
    name: str
    count: int


class _StorageHead(Interpreter):
    """An interpreter for the head of a storage: plain values, and one persistent id that describes it."""

    known = frozenset(_TYPES)
    needed_by = "tensor storages"

    def made(self, word: tuple[str, str], arguments: Any) -> Any:
        """Refuse: the head of a storage has no objects."""
        raise InputError(f"{self.where} calls {'.'.join(word)} in a tensor storage: refused")

    def build(self, target: Any, state: Any) -> None:
        """Refuse: the head of a storage has no objects."""
        raise InputError(f"{self.where} sets the state of a {type(target).__name__} in a tensor storage: refused")

    def other(self, opcode: str) -> None:
        """Read the description of the storage; refuse anything else."""
        if opcode != "BINPERSID":
            super().other(opcode)
        kind, word, name, _, count, *view = self.stack.pop()
        if kind != "storage" or any(part is not None for part in view):
            raise InputError(f"{self.where} holds a tensor storage of the kind {kind} {view}: refused")
        self.stack.append(_Key(_TYPES[word], name, count))


def _storage(content: bytes, where: str) -> np.ndarray:
    """Return the elements of a storage in torch's old format: five pickles, then the bytes."""
    file: IO[bytes] = io.BytesIO(content)
    magic, protocol, system, key, names = (_StorageHead(where).run(file) for _ in range(5))
    if (magic, protocol) != (_MAGIC, _PROTOCOL) or not system["little_endian"] or names != [key.name]:
        raise InputError(f"{where} holds a tensor storage of another format (protocol {protocol}): refused")
    count = int.from_bytes(file.read(8), "little", signed=True)
    elements = np.frombuffer(file.read(), key.kind)
    if not count == key.count == len(elements):
        raise ValueError(f"a tensor storage has {len(elements)} of {key.count} elements")
    return elements


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
    """Return a copy of a tensor's part of a storage."""
    if not isinstance(storage, np.ndarray) or storage.ndim != 1 or len(size) != len(stride):
        raise ValueError("a tensor has no storage")
    count = int(np.prod(size, dtype=object))
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if min((*size, *stride, offset), default=0) < 0 or count > min(len(storage), _LIMIT):
        raise ValueError(f"a tensor of shape {size} does not fit its storage")
    if count and last >= len(storage):
        raise ValueError(f"a tensor of shape {size} reaches beyond its storage")
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False).copy()
