"""The language of the repository: no private words, no translated phrases, and links that lead somewhere."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from smoke_study import ROOT

READ = {".py", ".pyi", ".smk", ".md", ".rst", ".yaml", ".html", ".sh", ".in"}
READ_NAMES = {"Makefile", "Snakefile", "run"}
FORBIDDEN = {
    r"stretch(?:e[sd]|ing)?": "training segment; in augmentation anisotropic scaling",
    r"twins?": "other half",
    r"memorisers?": "empirical denoiser",
    r"multi\Wdelta": "empirical denoiser",
    r"descended": "fitted by gradient descent",
    r"sloped": "jacobian",
    r"imitations?": "surrogates, source dataset",
    r"want of": "lack of, too little",
    r"images that speak": "images with non-negligible weight",
    r"of which": "repeat the noun",
    r"to which": "repeat the noun",
    r"that of the": "repeat the noun",
    r"so many": "a number, or repeat the noun",
    r"surely": "nothing, or the test that says so",
    r"it is such that": "say what it is",
}
EXEMPT = {
    "tests/test_language.py": r".*",  # has to name the words
    "docs/results/": r".*",  # ledgers of finished runs
    "": r"[\"`]descended(?:_\w+)?[\"`]",  # arrays and a quantity of results on disk
}


def _texts() -> dict[str, str]:
    """Return the tracked files that people read, by path."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = [path for path in listed.split("\0") if Path(path).suffix in READ or Path(path).name in READ_NAMES]
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in wanted if (ROOT / path).exists()}


TEXTS = _texts()


def _without_exemptions(path: str, text: str) -> str:
    for start, pattern in EXEMPT.items():
        if path.startswith(start):
            text = re.sub(pattern, "", text)
    return text


def faults(path: str, text: str) -> Iterator[str]:
    """Yield each forbidden phrase of a text with file and line; a phrase may go over the end of a line."""
    text = _without_exemptions(path, text)
    for words, better in FORBIDDEN.items():
        pattern = r"\b(?:" + words.replace(" ", r"[\s#*\"']+") + r")\b"
        for match in re.finditer(pattern, text.replace("_", " "), re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: '{' '.join(match[0].split())}': write {better}"


def test_no_forbidden_word_is_written() -> None:
    assert len(TEXTS) > 300
    found = [fault for path, text in TEXTS.items() for fault in faults(path, text)]
    assert not found, "\n" + "\n".join(sorted(found))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\nThe Memoriser copies", 2),
        ("def test_a_stretch_goes_on():", 1),
        ("images of\n# which", 1),
        ('("images of "\n"which")', 1),
        ("multi-delta", 1),
        ("`descended` and descended", 1),
    ],
)
def test_a_forbidden_word_is_found_with_its_line(text: str, line: int) -> None:
    (fault,) = faults("a/page.md", text)
    assert fault.startswith(f"a/page.md:{line}: ")


@pytest.mark.parametrize("text", ["between", "the `descended` array", "roof which", "a hundred of them, which"])
def test_other_words_are_left_alone(text: str) -> None:
    assert not list(faults("page.md", text))


def _slugs(text: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [path for path in TEXTS if path.endswith(".md")])
def test_links_point_at_files_and_headings_that_exist(page: str) -> None:
    for _, target in re.findall(r"\[([^]]+)\]\(([^)\s]+)\)", TEXTS[page]):
        if not target.startswith("https://"):
            path, _, heading = target.partition("#")
            linked = (ROOT / page).parent / path if path else ROOT / page
            assert linked.exists(), target
            assert not heading or heading in _slugs(linked.read_text(encoding="utf-8")), target


def test_names_in_the_glossary_are_in_the_files_that_it_links_to() -> None:
    """A setting, column or file is the text of its link."""
    named = re.findall(r"\[`([^`]+)`\]\(([^)#]+)[^)]*\)", TEXTS["docs/glossary.md"])
    assert len(named) > 15
    for name, target in named:
        assert name in (ROOT / "docs" / target).read_text(encoding="utf-8"), name


def test_each_word_of_the_glossary_is_one_sentence_with_a_link() -> None:
    entries = re.findall(r"^\* \*\*(.+)$", TEXTS["docs/glossary.md"], re.MULTILINE)
    assert len(entries) > 45
    for entry in entries:
        assert entry.count("](") == 1, entry
        assert entry.endswith(").") and ". " not in entry, entry
