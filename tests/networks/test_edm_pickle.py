"""Pickles of networks: numbers and tensors equal the pickled ones, sources stay texts, and nothing runs."""

import io
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from hidden_gaussian.errors import InputError
from hidden_gaussian.networks import edm_pickle
from published_networks import SOURCE, imported, layer, no_execution, published, recorded

pytestmark = pytest.mark.usefixtures("foreign_modules")


def test_the_source_of_a_class_is_a_text(foreign_modules):
    content = edm_pickle.read(pickle.dumps(published("ve")), "x")
    assert content["ema"].source == SOURCE
    assert content["ema"].class_name == "EDMPrecond"
    assert content["loss_fn"].state["P_mean"] == -1.2
    assert content["dataset_kwargs"] == {"path": "x", "use_labels": False}
    weights, _, _ = recorded("ve")
    arrays = content["ema"].arrays()
    assert arrays.keys() == weights.keys()  # the buffer that is not persistent is not among them
    assert all(np.array_equal(arrays[name], weight.numpy()) for name, weight in weights.items())


@pytest.mark.parametrize(("protocol", "module"), [(2, b"numpy.core."), (2, b"numpy._core."), (4, None)])
def test_numbers_of_numpy_are_read_as_plain_ones(protocol, module, foreign_modules):
    content = pickle.dumps(layer(), protocol)
    if module:  # as older and newer versions of numpy write it
        content = content.replace(b"numpy._core.", b"numpy.core.").replace(b"numpy.core.", module)
    no_execution(foreign_modules)
    found = edm_pickle.read(content, "x").state
    assert found["skip_scale"] == 0.5**0.5
    assert found["eps"] == float(np.float32(1e-6))
    assert found["up"] is True
    assert found["_init_args"] == (3, -4)
    assert found["_init_kwargs"]["init"] == {"init_mode": "xavier_uniform", "init_weight": 0.2**0.5}
    assert found["_init_kwargs"]["channels"] == [2**40, 8]
    assert {type(value) for value in (found["skip_scale"], *found["_init_args"])} == {float, int}


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.int64, torch.bool])
def test_tensors_are_read_as_torch_reads_them(kind):
    whole = (torch.randn(6, 8, generator=torch.Generator().manual_seed(0)) * 9).to(kind)
    views = {"whole": whole, "turned": whole.T, "part": whole[1:5:2, 3:], "one": whole[2, 2], "none": whole[:0]}
    buffer = io.BytesIO()
    pickle.dump(views, buffer)
    found = edm_pickle.read(buffer.getvalue(), "x")
    for name, tensor in views.items():
        assert np.array_equal(found[name], tensor.numpy()), name
        assert found[name].shape == tuple(tensor.shape)


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile_state():
    checkpoint = published("ve")
    checkpoint["ema"].extra = Call(print, "a pickle ran")
    return pickle.dumps(checkpoint)


def in_storage(content):
    return pickle.dumps({"ema": Call(torch.storage._load_from_bytes, content)})


def tensor(*arguments):
    storage = torch.zeros(4)._typed_storage()
    return pickle.dumps({"ema": Call(torch._utils._rebuild_tensor_v2, storage, *arguments, False, OrderedDict())})


def number(dtype, *content):
    return pickle.dumps({"ema": Call(np.dtype(np.float64).type(1).__reduce__()[0], dtype, *content)})


HOSTILE = {
    "a number of another type": (lambda: number(np.dtype("f2"), b"12"), r"makes numpy\.dtype of \('f2'"),
    "a number that is an object": (lambda: pickle.dumps({"ema": np.dtype("O")}), r"makes numpy\.dtype of \('O8'"),
    "a number of another order": (lambda: number(np.dtype(">f8"), b"12345678"), "in the byte order '>'"),
    "a number that is cut": (lambda: number(np.dtype("f8"), b"1234"), "is damaged"),
    "two numbers": (lambda: number(np.dtype("f8"), b"12345678" * 2), "is damaged"),
    "an array": (lambda: pickle.dumps({"ema": np.ones(2)}), r"asks for numpy\.\S+"),
    "a number without a type": (
        lambda: b"cnumpy.core.multiarray\nscalar\n(S'f8'\nS'12345678'\ntR.",
        "makes numpy.core",
    ),
    "a call in the state": (hostile_state, r"asks for builtins\.print"),
    "os.system": (lambda: b"cos\nsystem\n(S'touch ran'\ntR.", r"asks for os\.system"),
    "a call in a storage": (lambda: in_storage(b"cos\nsystem\n(S'touch ran'\ntR."), r"asks for os\.system"),
    "eval by name": (lambda: b"cbuiltins\neval\n(S'1'\ntR.", r"asks for builtins\.eval"),
    "torch.load": (lambda: b"ctorch\nload\n(S'ran'\ntR.", r"asks for torch\.load"),
    "an object of os": (lambda: b"cos\n_wrap_close\n)\x81.", r"asks for os\._wrap_close"),
    "an object that is no container": (
        lambda: b"ccollections\nOrderedDict\nK\x01\x85\x81.",
        r"makes an object of \('collections', 'OrderedDict'\)",
    ),
    "a dictionary of something": (lambda: b"ccollections\nOrderedDict\n(S'x'\ntR.", "makes collections.OrderedDict"),
    "a name called as state": (lambda: b"}}b.", "sets the state of a dict"),
    "INST": (lambda: b"(S'touch ran'\nios\nsystem\n.", "opcode INST"),
    "an extension": (lambda: b"\x82\x01.", "opcode EXT1"),
    "a persistent id": (lambda: b"K\x01Q.", "opcode BINPERSID"),
    "a zip in a storage": (lambda: in_storage(b"PK\x03\x04"), "is damaged"),
    "a storage that is cut": (lambda: in_storage(b"\x80\x02\x8a\x01\x01."), "is damaged"),
    "beyond the storage": (lambda: tensor(2, (3,), (1,)), "reaches beyond its storage"),
    "before the storage": (lambda: tensor(3, (2,), (-1,)), "does not fit its storage"),
    "a bomb": (lambda: tensor(0, (2**40,), (0,)), "does not fit its storage"),
    "cut": (lambda: pickle.dumps(published("ve"))[:-100], "is damaged"),
    "nothing": (lambda: b"", "is damaged"),
    "no network": (lambda: b"}.", "has no network"),
}


@pytest.mark.fault("a malicious pickle as a published network", "refused by name, nothing is run")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_run_nothing(name, capsys, foreign_modules):
    content, message = HOSTILE[name]
    path = Path("network.pkl")
    path.write_bytes(content())
    no_execution(foreign_modules)
    with pytest.raises(InputError, match=rf"network\.pkl.*{message}|{message}"):
        imported(path, "ve")
    assert "ran" not in capsys.readouterr().out
    assert not Path("ran").exists()
