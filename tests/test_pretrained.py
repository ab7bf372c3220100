"""Files of weights become cells: .safetensors, and pickles with the nested structure of the published ones."""

import io
import json
import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from hidden_gaussian import files, network_pickle, networks, plan, pretrained, settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.denoisers import open_denoiser
from hidden_gaussian.errors import InputError
from hidden_gaussian.figures import catalogue

VECTORS = Path(__file__).parent / "vectors"
SCALES = {"ve": 8, "vp": 8, "adm": 32}
SOURCE = "open('ran', 'w').write('the source text of a class ran')\n"


class EasyDict(dict):
    """A dictionary of its own class, as the published files have them."""


def persistent(class_name):
    """Return a class whose objects are pickled as published networks are: a call, with their source and state."""

    class Persistent(nn.Module):
        def __reduce__(self):
            state = {
                name: OrderedDict(value) if name.startswith("_") and type(value) is dict else value
                for name, value in self.__dict__.items()
            }
            meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": class_name, "state": state}
            return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (meta,)

    return Persistent()


@pytest.fixture(autouse=True)
def foreign_modules(monkeypatch, tmp_path):
    """The modules that published pickles mention, there while they are written, and nowhere to write but here."""

    def reconstruct(meta):
        raise AssertionError("a pickle ran")

    def module(name, **content):
        made = types.ModuleType(name)
        for key, value in content.items():
            value.__module__, value.__qualname__ = name, key
            setattr(made, key, value)
        monkeypatch.setitem(sys.modules, name, made)

    module("torch_utils")
    module("torch_utils.persistence", _reconstruct_persistent_obj=reconstruct)
    module("dnnlib")
    module("dnnlib.util", EasyDict=EasyDict)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def recorded(architecture):
    with safe_open(VECTORS / f"edm_{architecture}_16.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        options = {
            name: json.loads(text) if text[0] in "[0123456789" else text for name, text in file.metadata().items()
        }
    names = [name for name in tensors if name.startswith("weights.")]
    return {name.removeprefix("weights."): tensors.pop(name) for name in names}, tensors, options


def layer():
    """Return a layer with the attributes and arguments that published ones have: numbers of numpy, some nested."""
    made = persistent("Layer")
    made.skip_scale, made.eps, made.up = np.sqrt(0.5), np.float32(1e-6), np.bool_(True)
    initial = {"init_mode": "xavier_uniform", "init_weight": np.sqrt(0.2)}
    made._init_args = (np.int64(3), np.int32(-4))
    made._init_kwargs = EasyDict(skip_scale=made.skip_scale, init=initial, channels=[np.int64(2**40), 8])
    return made


def grown(weights, root):
    """Hang weights into a tree of modules by their dotted names."""
    for name, tensor in weights.items():
        *path, last = name.split(".")
        place = root
        for depth, part in enumerate(path):
            if part not in place._modules:
                container = part in ("enc", "dec") and depth == 1
                place.add_module(part, nn.ModuleDict() if container else layer())
            place = place._modules[part]
        if last in ("resample_filter", "freqs"):
            place.register_buffer(last, tensor)
        else:
            place.register_parameter(last, nn.Parameter(tensor))
    return root


def published(architecture, wrapper="EDMPrecond", **changes):
    """Return a snapshot with the nested structure of the published ones."""
    weights, _, options = recorded(architecture)
    network, model = persistent(wrapper), persistent(options["model_type"])
    network.add_module("model", model)
    network.sigma_min, network.sigma_max, network.sigma_data, network.use_fp16 = 0.0, float("inf"), 0.5, False
    network._init_args, network._init_kwargs = (), EasyDict(options, img_resolution=16)
    arguments = {name: value for name, value in options.items() if name != "model_type"} | changes
    model._init_args = ()
    model._init_kwargs = {"img_resolution": 16, "in_channels": 3, "out_channels": 3, "label_dim": 0} | arguments
    model.register_buffer("scratch", torch.ones(2), persistent=False)
    grown(weights, network)
    loss = persistent("EDMLoss")
    loss.P_mean = -1.2
    return {
        "ema": network,
        "loss_fn": loss,
        "augment_pipe": None,
        "dataset_kwargs": EasyDict(path="x", use_labels=False),
    }


def dataset(**changes):
    content = {
        "source": {"kind": "zip", "count": 100, "path": "images.zip"},
        "resolution": 16,
        "network": {"channel_mult": [1, 2, 2], "blocks": 2, "sigma_data": 0.5},
        "grid": {
            "pretrained": [{"path": "weights", "subset_size": 100, "scale": 8, "images_seen": 200}],
            "sweeps": {"size": {}},
        },
    }
    return settings.Dataset.model_validate(content | changes)


def cell_of(architecture):
    return Cell("toy", 100, "a", architecture, SCALES[architecture.split("-")[0]], 0, 200)


def imported(path, architecture, **options):
    cell = cell_of(architecture)
    folder = Path(cell.id)
    arguments = {"sha256": None, "key": "grid.pretrained.0"} | options
    pretrained.import_network(path, cell, dataset(), folder, **arguments)
    return open_denoiser(".", cell.id, "cpu"), files.load_json(folder / "imported.json")


def no_execution(monkeypatch):
    for module, name in ((pickle, "loads"), (pickle, "load"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, None)
    for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize(("architecture", "protocol"), [("ve", 4), ("vp", 2), ("adm", 5)])
def test_a_published_pickle_gives_the_recorded_outputs_and_runs_nothing(architecture, protocol, foreign_modules):
    _, tensors, _ = recorded(architecture)
    path = Path("network.pkl")
    path.write_bytes(pickle.dumps(published(architecture), protocol))
    no_execution(foreign_modules)
    denoiser, about = imported(path, architecture)
    found = denoiser.network(tensors["noisy"], tensors["sigma"], tensors["augment_labels"])
    torch.testing.assert_close(found, tensors["denoised_with_augment_labels"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(denoiser(tensors["noisy"], tensors["sigma"]), tensors["denoised"], rtol=1e-4, atol=1e-5)
    assert about["options"] == denoiser.network.options
    assert about["sha256"] == files.sha256(path)
    assert not Path("ran").exists()


def test_the_source_of_a_class_is_a_text(foreign_modules):
    content = network_pickle.read(pickle.dumps(published("ve")), "x")
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
    found = network_pickle.read(content, "x").state
    assert found["skip_scale"] == 0.5**0.5
    assert found["eps"] == float(np.float32(1e-6))
    assert found["up"] is True
    assert found["_init_args"] == (3, -4)
    assert found["_init_kwargs"]["init"] == {"init_mode": "xavier_uniform", "init_weight": 0.2**0.5}
    assert found["_init_kwargs"]["channels"] == [2**40, 8]
    assert {type(value) for value in (found["skip_scale"], *found["_init_args"])} == {float, int}


def test_a_network_alone_and_the_baseline_are_read():
    path = Path("network.pkl")
    path.write_bytes(pickle.dumps(published("ve", "VEPrecond")["ema"]))
    denoiser, _ = imported(path, "ve-baseline")
    weights, tensors, _ = recorded("ve")
    plain = networks.rebuild(denoiser.network.options | {"architecture": "ve"})
    plain.load_state_dict(weights)
    noisy, sigma = tensors["noisy"], 0.7
    with torch.no_grad():
        expected = noisy + sigma * plain.eval().model(noisy, torch.tensor([np.log(sigma / 2)]).float())
    torch.testing.assert_close(denoiser(noisy, sigma), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.int64, torch.bool])
def test_tensors_are_read_as_torch_reads_them(kind):
    whole = (torch.randn(6, 8, generator=torch.Generator().manual_seed(0)) * 9).to(kind)
    views = {"whole": whole, "turned": whole.T, "part": whole[1:5:2, 3:], "one": whole[2, 2], "none": whole[:0]}
    buffer = io.BytesIO()
    pickle.dump(views, buffer)
    found = network_pickle.read(buffer.getvalue(), "x")
    for name, tensor in views.items():
        assert np.array_equal(found[name], tensor.numpy()), name
        assert found[name].shape == tuple(tensor.shape)


@pytest.mark.parametrize("head", [True, False])
def test_safetensors_have_options_or_those_of_the_settings(head):
    weights, tensors, _ = recorded("ve")
    path = Path("network.safetensors")
    options = {
        "architecture": "ve",
        "resolution": 16,
        "channels": 3,
        "scale": 8,
        "channel_mult": [1, 2, 2],
        "blocks": 2,
    }
    options |= {"attention_resolutions": [16], "dropout": 0.0, "augment_dim": 9, "sigma_data": 0.5}
    save_file(weights, path, metadata={"options": json.dumps(options)} if head else None)
    denoiser, about = imported(path, "ve", sha256=files.sha256(path).upper())
    torch.testing.assert_close(denoiser(tensors["noisy"], tensors["sigma"]), tensors["denoised"], rtol=1e-4, atol=1e-5)
    assert about["options"]["dropout"] == (0.0 if head else 0.05)


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def hostile_state():
    snapshot = published("ve")
    snapshot["ema"].extra = Call(print, "a pickle ran")
    return pickle.dumps(snapshot)


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
    "no network": (lambda: b"}.", "holds no network"),
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


@pytest.mark.fault("a network file with other options, tensors or shapes", "one sentence")
@pytest.mark.parametrize(
    ("wrapper", "changes", "message"),
    [
        ("VPPrecond", {}, "holds a VPPrecond, expected EDMPrecond or VEPrecond"),
        ("EDMPrecond", {"label_dim": 10}, "label_dim 0"),
        ("EDMPrecond", {"surprise": 1}, "no \\['surprise'\\]"),
        ("EDMPrecond", {"encoder_type": "skip"}, "'encoder_type': 'skip'.* not built here"),
        ("EDMPrecond", {"model_channels": 16}, "declares scale 8, but .* holds 16"),
        ("EDMPrecond", {"num_blocks": 3}, "does not fit a network of the options"),
        ("EDMPrecond", {"img_resolution": None}, "without its arguments by name"),
    ],
)
def test_networks_that_cannot_be_made_are_refused(wrapper, changes, message):
    path = Path("network.pkl")
    path.write_bytes(pickle.dumps(published("ve", wrapper, **changes)))
    with pytest.raises(InputError, match=message):
        imported(path, "ve")


def test_absent_and_other_files_are_refused():
    with pytest.raises(InputError, match=r"grid\.pretrained\.0\.path: absent\.pkl is not a file"):
        imported(Path("absent.pkl"), "ve")
    save_file(recorded("ve")[0], "network.safetensors")
    with pytest.raises(InputError, match=r"grid\.pretrained\.0\.sha256 is ab"):
        imported(Path("network.safetensors"), "ve", sha256="ab")


def test_settings_count_files_as_cells_that_are_not_trained():
    study = settings.read(
        {"study": "x", "datasets": {"toy": dataset().model_dump()}, "archives": {"weights": "/w.pkl"}}
    )
    toy = study.datasets["toy"]
    assert [cell.id for cell in toy.cells("toy")] == ["n100a/ve8r0/i200"]
    assert study.located(toy.grid.pretrained[0]).path == "/w.pkl"
    assert plan.describe(study).splitlines()[1].split()[:4] == ["toy", "1", "0", "0"]
    assert plan.training_hours(toy, toy.cells("toy")) == 0
    assert plan.superseded(study) == []
    assert [cell.id for cell in catalogue.shown(toy.sweep("toy", "size"))] == ["n100a/ve8r0/i200"]
    snapshot = toy.grid.pretrained[0].model_dump()
    for changes, message in (
        ({"pretrained": [snapshot, snapshot]}, "n100a/ve8r0/i200 more than once"),
        ({"pretrained": [{**snapshot, "subset_size": 101}]}, "asks for 101 training images"),
        ({"pretrained": []}, "neither 'runs' nor 'pretrained'"),
    ):
        content = {"study": "x", "datasets": {"toy": {**toy.model_dump(), "grid": {"sweeps": {}, **changes}}}}
        with pytest.raises(InputError, match=message):
            settings.read(content)
