"""Cells: their ids, read back."""

import pytest

from hidden_gaussian.cells import Cell
from hidden_gaussian.errors import InputError


def test_ids_are_read_back() -> None:
    cell = Cell("digits", 64, "b", "dae-ve", 16, 2, 6400)
    assert cell.id == "n64b/dae-ve16r2/i6400"
    assert Cell.parse("digits", cell.id) == cell
    assert cell.epoch == 100
    with pytest.raises(InputError, match="not the id"):
        Cell.parse("digits", "n64c/ve16r1/i6400")
