"""Pickles read as data: opcodes are interpreted one by one, and no name is ever called."""

from __future__ import annotations

import pickletools
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Literal

import numpy as np

from hidden_gaussian.errors import InputError

_ARRAY = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
_BUFFER = {("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer")}
CODECS = ("_codecs", "encode")
_KNOWN = {*_ARRAY, *_BUFFER, ("numpy", "ndarray"), ("numpy", "dtype"), CODECS}
_VALUES = {
    *("INT", "LONG1", "BININT", "BININT1", "BININT2", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}


DAMAGE = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What an interpreter raises for bytes that are no pickle."""


@dataclass
class _Array:
    """An array that a pickle builds step by step."""

    pixels: np.ndarray | None = None


def _uint8(content: bytes, dtype: Any, shape: tuple[int, ...], order: Literal["C", "F"]) -> np.ndarray:
    if not isinstance(dtype, np.dtype):
        raise ValueError(f"it has an array of {dtype}")
    return np.frombuffer(content, np.uint8).reshape(shape, order=order)


def read(data: bytes, where: str) -> dict[str, Any]:
    """Read a pickled dictionary of plain containers and uint8 arrays without calling anything.

    Opcodes may contain only the names that numpy writes for arrays; these names are compared, never imported.

    Parameters
    ----------
    data, where : bytes, str
        The pickle, and its file, for errors.

    Returns
    -------
    dict
        With str keys; arrays are uint8.

    Raises
    ------
    InputError
        If the pickle is damaged, contains another name, or is no dictionary.
    """
    try:
        content = _Arrays(where).run(data)
    except DAMAGE as error:
        raise InputError(f"{where} is damaged ({error}); download the archive again") from error
    if not isinstance(content, dict):
        raise InputError(f"{where}: a {type(content).__name__} was found; expected a dictionary; use another archive")
    texts = [key.decode("latin-1") if isinstance(key, bytes) else str(key) for key in content]
    values = [value.pixels if isinstance(value, _Array) else value for value in content.values()]
    return dict(zip(texts, values, strict=True))


def encoded(arguments: Any, where: str) -> bytes:
    """Return bytes, which pickles before protocol 3 write as a text."""
    if arguments[1:] not in ((), ("latin1",), ("latin-1",)):
        raise InputError(f"{where}: a text encoded in {arguments[1:]}; expected latin-1; use another file")
    return str(arguments[0]).encode("latin-1")


class Interpreter:
    """The part of the pickle machine that plain data need; a subclass defines the allowed names and objects.

    Parameters
    ----------
    where : str
        The pickle's file, for errors.
    """

    known: ClassVar[Collection[tuple[str, str]]]
    """The allowed names, as (module, name)."""
    needed_by: ClassVar[str]
    """The kind of data that need no other name, for errors."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes | IO[bytes]) -> Any:
        """Return the content of a pickle; a file is read up to the end of the pickle.

        Raises
        ------
        InputError
            If it contains a name or opcode that is not allowed.
        ValueError, or another of `DAMAGE`
            If it is no complete pickle.
        """
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                return self.stack.pop()
            self._step(opcode.name, argument)
        raise ValueError("it has no end")

    def _step(self, name: str, argument: Any) -> None:
        match name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self.marks.append(len(self.stack))
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                self.stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                self.stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
            case "BINPUT" | "LONG_BINPUT" | "PUT":
                self.memo[int(argument)] = self.stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            case "BINGET" | "LONG_BINGET" | "GET":
                self.stack.append(self.memo[int(argument)])
            case "GLOBAL" | "STACK_GLOBAL":
                words = argument.split(" ") if name == "GLOBAL" else self.pop(2)
                self.stack.append(self._known(*words))
            case "REDUCE":
                word, arguments = self.pop(2)
                if word not in list(self.known):
                    raise ValueError("it calls something other than a name")
                self.stack.append(self.made(word, arguments))
            case "BUILD":
                self.build(self.stack[-2], self.stack.pop())
            case _ if name in _VALUES:
                self.stack.append(argument)
            case _:
                self._collect(name)

    def _collect(self, name: str) -> None:
        """Collect values of the stack into a tuple, list or dictionary."""
        match name:
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self.stack.append(tuple(self.pop(int(name[-1]))))
            case "TUPLE":
                self.stack.append(tuple(self.marked()))
            case "APPEND" | "APPENDS":
                values = self.pop(1) if name == "APPEND" else self.marked()
                self.stack[-1].extend(values)
            case "SETITEM" | "SETITEMS":
                values = self.pop(2) if name == "SETITEM" else self.marked()
                if not all(isinstance(key, str | bytes | int) for key in values[::2]):
                    raise ValueError("it has a key that is neither text nor number")
                self.stack[-1].update(zip(values[::2], values[1::2], strict=True))
            case _:
                self.other(name)

    def pop(self, count: int) -> list[Any]:
        """Take some values off the stack."""
        if len(self.stack) < count:
            raise ValueError("its stack is empty")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def marked(self) -> list[Any]:
        """Take the values since the last mark off the stack."""
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def _known(self, module: str, name: str) -> tuple[str, str]:
        if (module, name) not in self.known:
            raise InputError(f"{self.where} asks for {module}.{name}; expected {self.needed_by}; use another file")
        return module, name

    def other(self, opcode: str) -> None:
        """Carry out an opcode that containers do not need; here all are refused."""
        raise InputError(f"{self.where} has the opcode {opcode}; expected {self.needed_by}; use another file")

    def made(self, word: tuple[str, str], arguments: Any) -> Any:
        """Return the plain data for an allowed name and its arguments."""
        raise NotImplementedError

    def build(self, target: Any, state: Any) -> None:
        """Set the state of an object that `made` returned."""
        raise NotImplementedError


class _Arrays(Interpreter):
    """Plain containers and uint8 arrays."""

    known = _KNOWN
    needed_by = "plain arrays"

    def made(self, word: tuple[str, str], arguments: Any) -> Any:
        """Return an array, a dtype or bytes."""
        if word in _ARRAY:
            return _Array()
        if word in _BUFFER:
            content, dtype, shape, order = arguments
            return _Array(_uint8(content, dtype, shape, order))
        if word == ("numpy", "dtype") and arguments[0] in ("u1", "uint8", b"u1"):
            return np.dtype(np.uint8)
        if word == CODECS:
            return encoded(arguments, self.where)
        raise InputError(f"{self.where} has {word} of {str(arguments)[:40]}; expected uint8 arrays; use another file")

    def build(self, target: Any, state: Any) -> None:
        """Give an array its content; no other object has a state."""
        if isinstance(target, _Array):
            _, shape, dtype, fortran, content = state
            raw = content.encode("latin-1") if isinstance(content, str) else content
            target.pixels = _uint8(raw, dtype, shape, "F" if fortran else "C")
        elif not isinstance(target, np.dtype):
            kind = type(target).__name__
            raise InputError(f"{self.where} sets the state of a {kind}; expected arrays; use another file")
