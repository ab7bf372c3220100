"""CIFAR-10's pickles against Python's pickle, and pickles that would run code."""

import pickle

import numpy as np
import pytest

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import restricted_pickle
from toy_images import batch, make_cifar, packed

# Two rows in the form of CIFAR-10's batches, which Python 2 wrote.
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05(K\x06K\x09e"
    b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85q\x09U\x01b\x87Rq\x0a"
    b"(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nq\x0bU\x02u1K\x00K\x01\x87Rq\x0c"
    b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T\x00\x18\x00\x00"
    + bytes(range(256)) * 24
    + b"tbU\tfilenamesq\x0d]q\x0eU\x05a.pngau."
)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_cifar10_batches_are_read_without_unpickling(tmp_path, protocol, monkeypatch):
    arrays, contents = zip(*(batch(4, seed, protocol) for seed in range(5)), strict=True)
    names = [f"data_batch_{number}" for number in range(1, 6)]
    path = make_cifar(tmp_path / "c.tar.gz", dict(zip(names, contents, strict=True)) | {"test_batch": batch(3, 7)[1]})
    monkeypatch.setattr(pickle, "loads", None)
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "Unpickler", None)
    array, _ = packed(tmp_path, kind="cifar10", path=str(path), count=20, resolution=32)
    np.testing.assert_array_equal(array, np.concatenate(arrays).reshape(-1, 3, 32, 32))
    test, _ = packed(tmp_path, kind="cifar10", path=str(path), count=3, resolution=32, options={"split": "test"})
    np.testing.assert_array_equal(test, batch(3, 7)[0].reshape(-1, 3, 32, 32))


def test_python_2_pickles_are_read_as_by_pickle():
    ours = restricted_pickle.read(PYTHON_2, "x")
    theirs = pickle.loads(PYTHON_2, encoding="latin1")
    assert ours.keys() == theirs.keys()
    np.testing.assert_array_equal(ours["data"], theirs["data"])
    assert ours["labels"] == theirs["labels"] == [6, 9]


class Hostile:
    def __reduce__(self):
        return print, ("a pickle ran",)


HOSTILE = {
    "a call": (pickle.dumps({"data": Hostile()}, 2), r"asks for (__builtin__|builtins)\.print"),
    "a call, protocol 4": (pickle.dumps({"data": Hostile()}, 4), r"asks for builtins\.print"),
    "os.system": (b"cos\nsystem\n(S'echo ran'\ntR.", r"asks for os\.system"),
    "INST": (b"(S'echo ran'\nios\nsystem\n.", "opcode INST"),
    "OBJ": (b"(cnumpy\nndarray\nK\x00o.", "opcode OBJ"),
    "NEWOBJ": (b"cnumpy\nndarray\nK\x00\x85\x81.", "opcode NEWOBJ"),
    "a persistent id": (b"Pid\n.", "opcode PERSID"),
    "an extension": (b"\x82\x01.", "opcode EXT1"),
    "a call of ndarray": (b"cnumpy\nndarray\nK\x09\x85R.", "expected uint8 arrays"),
    "an array of objects": (b"cnumpy\ndtype\nU\x01OK\x00K\x01\x87R.", "expected uint8 arrays"),
    "state of a list": (b"]K\x01b.", "sets the state of a list"),
    "no dictionary": (b"K\x01.", "a int was found; expected a dictionary"),
    "nothing": (b"", "is damaged"),
    "cut": (batch(4)[1][:-50], "is damaged"),
    "empty stack": (b"R.", "is damaged"),
}


@pytest.mark.fault("a malicious pickle in CIFAR-10's archive", "refused by name, nothing is run")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_run_nothing(tmp_path, name, capsys):
    content, message = HOSTILE[name]
    with pytest.raises(InputError, match=message):
        restricted_pickle.read(content, "x")
    path = make_cifar(tmp_path / "c.tar.gz", {"test_batch": content})
    with pytest.raises(InputError, match=f"c.tar.gz: cifar-10-batches-py/test_batch.*{message}"):
        packed(tmp_path, kind="cifar10", path=str(path), count=4, options={"split": "test"})
    assert "ran" not in capsys.readouterr().out
