"""Imported networks: a file of weights becomes a checkpoint, as if it had been trained here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from hidden_gaussian import networks
from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError
from hidden_gaussian.networks import Record, edm_pickle
from hidden_gaussian.settings import Dataset, Network, error_messages
from hidden_gaussian.storage import DAMAGE, arrays

_COMMON = {"label_dim": 0, "augment_dim": 0, "channel_mult_emb": 4, "dropout": 0.1, "label_dropout": 0}
_SONG = {
    "model_channels": 128,
    "channel_mult": [1, 2, 2, 2],
    "num_blocks": 4,
    "attn_resolutions": [16],
    "embedding_type": "positional",
    "channel_mult_noise": 1,
    "encoder_type": "standard",
    "decoder_type": "standard",
    "resample_filter": [1, 1],
}
_ADM = {"model_channels": 192, "channel_mult": [1, 2, 3, 4], "num_blocks": 3, "attn_resolutions": [32, 16, 8]}
DEFAULTS = {"SongUNet": {**_COMMON, **_SONG}, "DhariwalUNet": {**_COMMON, **_ADM}}
"""Default options of the published networks, for those missing in a pickle."""
KINDS = {
    "ve": ("fourier", "residual", 2, [1, 3, 3, 1]),
    "vp": ("positional", "standard", 1, [1, 1]),
    "adm": (None, None, None, None),
}
"""Noise embedding, encoder, multiple of the embedding and filter of each architecture."""


def import_network(path: Path, cell: Cell, dataset: Dataset, folder: Path, *, sha256: str | None, key: str) -> None:
    """Write a file of weights as a checkpoint in the form of a trained one.

    Parameters
    ----------
    path : Path
        ``.safetensors`` with the tensor names of EDM's networks (ours are the same), or a published ``.pkl``, which is
        read without executing anything (:mod:`hidden_gaussian.networks.edm_pickle`). A ``.safetensors`` file without
        options in its head has those of the dataset's settings.
    cell : Cell
        Architecture and scale that the settings declare.
    dataset : Dataset
        Settings with resolution, channels and network.
    folder : Path
        Folder for ``weights.safetensors`` and ``imported.json`` (name and checksum of the file, network options).
    sha256 : str, optional
        Expected checksum.
    key : str
        The setting that names the file, for errors.

    Raises
    ------
    InputError
        If the file is missing or damaged, differs from the declared one, has a network other than the declared one, or
        has numbers that are not finite.
    """
    checksum = _checksum(path, sha256, key)
    raw, weights = _from_pickle(path, dataset) if path.suffix == ".pkl" else _from_tensors(path, cell, dataset)
    options, declared = _checked(raw, path), _declared(cell, dataset)
    for name, value in declared.items():
        if options.get(name) != value:
            raise InputError(f"{key}: {path} has {name} {options.get(name)}; expected {value}; correct the setting")
    options |= declared  # a file may have 8.0 for 8
    try:
        network = networks.rebuild(options)
        network.load_state_dict(weights)
    except (InputError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        if not any(name.startswith("model.") for name in weights):
            reason = f"expected names that begin with 'model.', as in EDM's state_dict, not {sorted(weights)[:2]}"
        raise InputError(f"{key}.path: {path} does not fit a network with the options {options} ({reason})") from None
    averaged = {name: tensor.float() for name, tensor in network.state_dict().items()}
    if bad := [name for name, tensor in averaged.items() if not torch.isfinite(tensor).all()]:
        raise InputError(f"{key}.path: {path} has NaN or infinite weights in {', '.join(bad[:3])}; give another file")
    arrays.save_tensors(folder / "weights.safetensors", averaged, {"options": json.dumps(options, sort_keys=True)})
    arrays.save_json(folder / "imported.json", {"file": path.name, "sha256": checksum, "options": options})


def _checksum(path: Path, expected: str | None, key: str) -> str:
    if not path.is_file():
        raise InputError(f"{key}.path: {path} is not a file; give the path of a .safetensors or .pkl file")
    if path.suffix not in (".safetensors", ".pkl"):
        raise InputError(
            f"{key}.path: {path} was found; expected a .safetensors or .pkl file; write a state_dict with "
            "safetensors.torch.save_file"
        )
    found = arrays.sha256(path)
    if expected is not None and found != expected.lower():
        raise InputError(f"{key}.sha256: {path} has {found}; expected {expected}; correct it or download again")
    return found


def _declared(cell: Cell, dataset: Dataset) -> dict[str, str | int]:
    return {
        "architecture": cell.architecture,
        "scale": cell.scale,
        "resolution": dataset.resolution,
        "channels": dataset.channels,
    }


def _checked(options: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the options of a network with the types that settings have; InputError for values they cannot have."""
    known = {name: options[name] for name in Network.model_fields if name in options}
    try:
        network = Network.model_validate(known)
    except ValidationError as error:
        wrong = error_messages.problems(error)
        raise InputError(f"{path}: options that cannot be used: {wrong}; give a file with other options") from None
    return options | network.model_dump(mode="json", exclude_unset=True)


def _from_tensors(path: Path, cell: Cell, dataset: Dataset) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        weights, text = arrays.load_tensors(path), arrays.load_metadata(path).get("options")
    except InputError as error:  # its advice is to delete the file and make it again
        raise InputError(f"{path} cannot be read as .safetensors ({error.__cause__}); download it again") from None
    if text is None:
        options = dataset.network.model_dump(mode="json") | _declared(cell, dataset)
        return options | {"augment_dim": 9 if "model.map_augment.weight" in weights else 0}, weights
    try:
        own = json.loads(text)
    except ValueError:
        own = None
    if not isinstance(own, dict):
        raise InputError(f"{path}: the options in its head are no mapping; expected a mapping in JSON; write one")
    return own, weights


def _from_pickle(path: Path, dataset: Dataset) -> tuple[dict[str, Any], dict[str, Tensor]]:
    content = edm_pickle.read(path.read_bytes(), str(path))
    network = content.get("ema") if isinstance(content, Mapping) else content
    if not isinstance(network, Record):
        raise InputError(
            f"{path} has no network; expected one, alone or under the name 'ema'; write a state_dict with "
            "safetensors.torch.save_file"
        )
    try:
        weights = {name: torch.from_numpy(array) for name, array in network.arrays().items()}
        return options_of(network, str(path), sigma_data=dataset.network.sigma_data), weights
    except DAMAGE as error:
        raise InputError(f"{path}: a network with unknown parts was found ({error}); download the file again") from None


def options_of(network: Record, where: str, *, sigma_data: float) -> dict[str, Any]:
    """Translate the options of a published network into ours.

    Parameters
    ----------
    network : Record
        An EDMPrecond or VEPrecond.
    where : str
        Its file, for errors.
    sigma_data : float
        Used if the parametrisation has none.

    Raises
    ------
    InputError
        If the network cannot be built here: it has another class, is conditional on labels, or has other options.
    """
    model = network.state.get("_modules", {}).get("model")
    if network.class_name not in ("EDMPrecond", "VEPrecond") or not isinstance(model, Record):
        raise InputError(f"{where} has a {network.class_name}; expected EDMPrecond or VEPrecond; use another file")
    if model.class_name not in DEFAULTS:
        raise InputError(f"{where} has a {model.class_name}; expected {' or '.join(DEFAULTS)}; use another file")
    chosen = _chosen(model, where)
    return {
        "architecture": _architecture(network.class_name, chosen, where),
        "resolution": chosen["img_resolution"],
        "channels": chosen["in_channels"],
        "scale": chosen["model_channels"],
        "channel_mult": chosen["channel_mult"],
        "blocks": chosen["num_blocks"],
        "attention_resolutions": chosen["attn_resolutions"],
        "dropout": chosen["dropout"],
        "augment_dim": chosen["augment_dim"],
        "sigma_data": network.state.get("sigma_data", sigma_data),
    }


def _chosen(model: Record, where: str) -> dict[str, Any]:
    """Return the arguments that a network was built with, including defaults."""
    arguments, defaults = dict(model.state.get("_init_kwargs", {})), DEFAULTS[model.class_name]
    names = ("img_resolution", "in_channels", "out_channels")
    resolution, channels, outputs = (arguments.get(name) for name in names)
    if resolution is None or channels is None or model.state.get("_init_args"):
        raise InputError(
            f"{where} has a {model.class_name} without named arguments; expected {names}; use another file"
        )
    unknown, chosen = sorted(set(arguments) - {*names, *defaults}), {**defaults, **arguments}
    if unknown or chosen["label_dim"] or channels != outputs or chosen["channel_mult_emb"] != 4:
        raise InputError(
            f"{where} has a network with the options {arguments}; expected {channels} output channels, label_dim 0, "
            f"channel_mult_emb 4 and no {unknown or 'others'}; use another file"
        )
    return chosen


def _architecture(parametrisation: str, chosen: dict[str, Any], where: str) -> str:
    names = ("embedding_type", "encoder_type", "channel_mult_noise", "resample_filter")
    found = tuple(chosen.get(name) for name in names)
    kind = next((name for name, expected in KINDS.items() if found == expected), None)
    if kind is None or chosen.get("decoder_type", "standard") != "standard":
        options = dict(zip(names, found, strict=True))
        raise InputError(f"{where} has a network with {options}; expected one of {KINDS}; use another file")
    if parametrisation == "EDMPrecond":
        return kind
    if kind != "ve":
        raise InputError(f"{where} has VEPrecond with a network of {kind}; expected ve; use another file")
    return "ve-baseline"
