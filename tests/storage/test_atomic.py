"""Files that appear complete or not at all."""

import pytest

from hidden_gaussian.storage import arrays
from hidden_gaussian.storage.atomic import atomic_path


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "deep" / "a.json"
    arrays.save_json(path, {"old": 1})
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert arrays.load_json(path) == {"old": 1}
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_file_is_in_the_same_folder_with_the_same_suffix(tmp_path):
    with atomic_path(tmp_path / "figure.pdf") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".pdf"
        assert not (tmp_path / "figure.pdf").exists()
        temporary.write_text("x")
    assert (tmp_path / "figure.pdf").read_text() == "x"
