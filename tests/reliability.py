"""docs/reliability.md from the tests marked `fault`, as they went: ``pytest -m fault --reliability=PAGE``."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

HEAD = """# Faults, and what becomes of them

Written from the tests marked `fault` by the runs of these tests themselves (`make test-cluster`): each row is a test,
and how many cases of it passed. Those of `tests/slurm/` ran on a private Slurm, brought up for them.

| fault | what happens | test | cases |
| --- | --- | --- | --- |
"""
FOOT = """
Files carry a checksum of their content: texts in the head of a `.safetensors` file, bytes behind the numbers of an
`.npy` file, where other readers do not look, and the page checksums of Parquet. Every reader compares it, with one
exception: `images.npy` is mapped, and its checksum is compared when the images are split, not by every later job that
reads a few rows of it.

What is to be made again, Snakemake tells by dates first. An input that was made again while the clock was behind, in a
run that ended before what depends on it was made, is dated before that and goes unnoticed: touch it.
"""


class Page:
    """Collects how the marked tests went, and writes the page when they have ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, tuple[str, str]] = {}
        self.outcomes: dict[str, Counter[str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if marker := item.get_closest_marker("fault"):
                self.rows[_function(item.nodeid)] = marker.args
                self.outcomes.setdefault(_function(item.nodeid), Counter())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if _function(report.nodeid) in self.rows and (report.when == "call" or not report.passed):
            self.outcomes[_function(report.nodeid)][report.outcome] += 1

    def pytest_sessionfinish(self) -> None:
        """Write the page; rows of tests that this session did not run stay as they were."""
        before = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        lines = {found[1]: found[0] for found in re.finditer(r"^\|.*\| `(\S+::\w+)` \|.*\|$", before, re.M)}
        for name, (fault, then) in self.rows.items():
            test = name.removeprefix("tests/")
            lines[test] = f"| {fault} | {then} | `{test}` | {_said(self.outcomes[name])} |"
        table = "\n".join(line for _, line in sorted(lines.items()))
        self.path.write_text(f"{HEAD}{table}\n{FOOT}", encoding="utf-8")


def _function(nodeid: str) -> str:
    return nodeid.split("[")[0]


def _said(outcomes: Counter[str]) -> str:
    others = [f"{count} {outcome}" for outcome, count in outcomes.items() if outcome != "passed"]
    return ", ".join([str(outcomes["passed"]), *others])
