"""Progress without a terminal."""

import io

from hidden_gaussian.jobs import progress


def test_progress_without_a_terminal_is_a_line_now_and_then():
    stream = io.StringIO()
    with progress.progress_bar("n12a/ve4r1/i80", 80, done=40, stream=stream, every=0.0) as show:
        show(60)
        show(80)
    lines = stream.getvalue().splitlines()
    assert any(line.startswith("n12a/ve4r1/i80: 75 %, 60.0 of 80.0 images") for line in lines)
    assert "\r" not in stream.getvalue()
    quiet = io.StringIO()
    with progress.progress_bar("cell", 80, stream=quiet, every=60.0) as show:
        for now in range(80):
            show(now)
    assert len(quiet.getvalue().splitlines()) <= 2
