"""Pickles read as data: the opcodes are interpreted one by one, and nothing that they name is ever called."""

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
"""What an interpreter raises on a pickle that is no pickle."""


@dataclass
class _Array:
    """An array that a pickle is putting together."""

    pixels: np.ndarray | None = None


def _uint8(content: bytes, dtype: Any, shape: tuple[int, ...], order: Literal["C", "F"]) -> np.ndarray:
    if not isinstance(dtype, np.dtype):
        raise ValueError(f"it has an array of {dtype}")
    return np.frombuffer(content, np.uint8).reshape(shape, order=order)


def read(data: bytes, where: str) -> dict[str, Any]:
    """Interpret a pickled dictionary of plain containers and uint8 arrays; nothing in it is ever called.

    Opcodes may mention only the names that numpy writes for arrays: words of the format, never looked up.

    Parameters
    ----------
    data, where : bytes, str
        The pickle, and where it was found, for the errors.

    Returns
    -------
    dict
        Keys as str; uint8 arrays for arrays.

    Raises
    ------
    InputError
        If the pickle is damaged, names anything else, or is no dictionary.
    """
    try:
        content = _Arrays(where).run(data)
    except DAMAGE as error:
        raise InputError(f"{where} is damaged ({error}); fetch the archive again") from error
    if not isinstance(content, dict):
        raise InputError(f"{where} holds a {type(content).__name__}, expected a dictionary of images")
    return {
        key.decode("latin-1") if isinstance(key, bytes) else str(key): (
            value.pixels if isinstance(value, _Array) else value
        )
        for key, value in content.items()
    }


def encoded(arguments: Any, where: str) -> bytes:
    """Return the bytes that pickles before protocol 3 write as a text."""
    if arguments[1:] not in ((), ("latin1",), ("latin-1",)):
        raise InputError(f"{where} encodes a text in {arguments[1:]}, expected latin-1: refused")
    return str(arguments[0]).encode("latin-1")


class Interpreter:
    """The part of the pickle machine that plain data need; a subclass says which names and objects they may have.

    Parameters
    ----------
    where : str
        Where the pickle was found, for the errors.
    """

    known: ClassVar[Collection[tuple[str, str]]]
    """The names that may be mentioned, as (module, name)."""
    needed_by: ClassVar[str]
    """What would never need more than that, for the errors."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes | IO[bytes]) -> Any:
        """Return what a pickle holds; a file is left where the pickle ends.

        Raises
        ------
        InputError
            If it asks for anything that is not on the list.
        ValueError, or another of `DAMAGE`
            If it is no whole pickle.
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
                    raise ValueError("it calls what is no name")
                self.stack.append(self.made(word, arguments))
            case "BUILD":
                self.build(self.stack[-2], self.stack.pop())
            case _ if name in _VALUES:
                self.stack.append(argument)
            case _:
                self._collect(name)

    def _collect(self, name: str) -> None:
        """Gather what lies on the stack into a tuple, list or dictionary."""
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
                    raise ValueError("it has a key that is neither a word nor a number")
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
            raise InputError(f"{self.where} asks for {module}.{name}, which {self.needed_by} never need: refused")
        return module, name

    def other(self, opcode: str) -> None:
        """Carry out an opcode that containers do not need; here every one is refused."""
        raise InputError(f"{self.where} holds the pickle opcode {opcode}, which {self.needed_by} never need: refused")

    def made(self, word: tuple[str, str], arguments: Any) -> Any:
        """Return the plain datum that a known name and its arguments stand for."""
        raise NotImplementedError

    def build(self, target: Any, state: Any) -> None:
        """Set the state of a datum that `made` returned."""
        raise NotImplementedError


class _Arrays(Interpreter):
    """Plain containers and uint8 arrays."""

    known = _KNOWN
    needed_by = "plain arrays"

    def made(self, word: tuple[str, str], arguments: Any) -> Any:
        """Return the plain datum that a word of the format and its arguments stand for."""
        if word in _ARRAY:
            return _Array()
        if word in _BUFFER:
            content, dtype, shape, order = arguments
            return _Array(_uint8(content, dtype, shape, order))
        if word == ("numpy", "dtype") and arguments[0] in ("u1", "uint8", b"u1"):
            return np.dtype(np.uint8)
        if word == CODECS:
            return encoded(arguments, self.where)
        raise InputError(f"{self.where} makes {word} of {str(arguments)[:40]}, expected uint8 arrays: refused")

    def build(self, target: Any, state: Any) -> None:
        """Give an array its content; nothing else has a state."""
        if isinstance(target, _Array):
            _, shape, dtype, fortran, content = state
            raw = content.encode("latin-1") if isinstance(content, str) else content
            target.pixels = _uint8(raw, dtype, shape, "F" if fortran else "C")
        elif not isinstance(target, np.dtype):
            raise InputError(f"{self.where} sets the state of a {type(target).__name__}: refused")
