"""Errors of jobs: one line on the terminal."""

import errno
from pathlib import Path

import pytest

from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs import logs


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("x.npy is damaged"), "Error: x.npy is damaged\n"),
        (OSError(errno.EFBIG, "File too large", "x.npy"), "Error: x.npy: File too large\n"),
        (OSError(errno.EFBIG, "File too large"), "Error: File too large\n"),
        (OSError("no space"), "Error: no space\n"),
    ],
)
def test_an_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception, line: str) -> None:
    with pytest.raises(SystemExit), logs.job_log(tmp_path / "x.log"):
        raise error
    assert capsys.readouterr().err == line
