"""Ids of subsets, denoisers and cells."""

import pytest

from hidden_gaussian.cells import Cell, DenoiserId, Subset
from hidden_gaussian.errors import InputError


def test_cells_are_parsed() -> None:
    cell = Cell("digits", 64, "b", "dae-ve", 16, 2, 6400)
    assert cell.id == "n64b/dae-ve16r2/i6400"
    assert Cell.parse("digits", cell.id) == cell
    assert cell.epoch == 100
    with pytest.raises(InputError, match="not the id"):
        Cell.parse("digits", "n64c/ve16r1/i6400")


@pytest.mark.parametrize("name", ["gaussian", "mixture-8", "ve16r1/i6400", "ve16r1/i6400/linear", "dae-ve4r0/i0"])
def test_denoisers_are_parsed_and_have_another_half(name: str) -> None:
    denoiser = DenoiserId.parse(f"n64a/{name}")
    assert denoiser == DenoiserId(Subset(64, "a"), name)
    assert denoiser.id == f"n64a/{name}"
    assert denoiser.other_half.id == f"n64b/{name}"
    assert denoiser.other_half.other_half == denoiser


@pytest.mark.parametrize(
    ("text", "kind", "network", "owner"),
    [
        ("n8b/empirical", "empirical", False, "n8b/empirical"),
        ("n8b/vp4r2/i40", "i40", True, "n8b/vp4r2/i40"),
        ("n8b/vp4r2/i40/linear", "linear", False, "n8b/vp4r2/i40"),
    ],
)
def test_a_linear_map_belongs_to_a_denoiser(text: str, kind: str, network: bool, owner: str) -> None:
    denoiser = DenoiserId.parse(text)
    assert (denoiser.kind, denoiser.is_network, denoiser.owner.id) == (kind, network, owner)


def test_the_cell_of_a_linear_map_is_the_cell_of_its_network() -> None:
    assert DenoiserId.parse("n8b/vp4r2/i40/linear").cell("digits") == Cell("digits", 8, "b", "vp", 4, 2, 40)
    with pytest.raises(InputError, match="not the id of a cell"):
        DenoiserId.parse("n8b/gaussian").cell("digits")


@pytest.mark.parametrize("text", ["n64", "64a", "n64c", "n64a/gaussian", ""])
def test_other_texts_are_not_subsets(text: str) -> None:
    with pytest.raises(InputError, match="expected one like 'n64a'"):
        Subset.parse(text)


@pytest.mark.parametrize("text", ["n64a", "n64a/", "", "gaussian"])
def test_other_texts_are_not_denoisers(text: str) -> None:
    with pytest.raises(InputError, match="expected one like"):
        DenoiserId.parse(text)
