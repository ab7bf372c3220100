"""Archives: names from other programs, and decompression bombs."""

import numpy as np
import pytest

from hidden_gaussian.data import conversion
from hidden_gaussian.errors import InputError
from hidden_gaussian.storage import archives
from toy_images import GOOD, THREE, bad_zip, make_zip, packed, pixels


def test_harmless_names_in_a_zip_are_read(tmp_path):
    """Names from bsdtar, and times of the day."""
    entries = {"./": b"", "./a.png": GOOD["b/0.png"], "12:30.png": GOOD["b/1.png"]}
    array, _ = packed(tmp_path, kind="zip", path=str(make_zip(tmp_path / "x.zip", entries)), count=2)
    np.testing.assert_array_equal(array, pixels(2).transpose(0, 3, 1, 2))


@pytest.mark.fault("a decompression bomb", "refused")
@pytest.mark.parametrize(
    ("module", "limit", "value", "message"),
    [
        (archives, "ENTRY_LIMIT", 100, r"entry b/0.png has \d+ bytes; expected at most 100"),
        (archives, "RATIO_LIMIT", 0.1, "decompression bomb"),
        (
            conversion,
            "PIXEL_LIMIT",
            63,
            "8 x 8 pixels, as in a decompression bomb; expected at most 63",
        ),
    ],
)
def test_decompression_bombs_are_refused(tmp_path, monkeypatch, module, limit, value, message):
    source = bad_zip(THREE)(tmp_path)
    if limit == "RATIO_LIMIT":
        monkeypatch.setattr(archives, "ENTRY_LIMIT", 300)
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(InputError, match=message):
        packed(tmp_path, **source)
