"""Generated pages agree with the code, and refer to files, claims and figures that exist."""

from __future__ import annotations

import math
import re
from pathlib import Path

import jinja2
import pandas as pd
import pytest
import yaml
from docutils.core import publish_parts

from hidden_gaussian import claims
from hidden_gaussian.claims import display
from hidden_gaussian.figures import ENTRIES
from hidden_gaussian.pages import build, claims_prose, reviews
from hidden_gaussian.pages import claims as claims_page
from hidden_gaussian.storage import schemas
from smoke_study import ROOT

DIGITS = ROOT / "docs/results/digits.csv"


@pytest.mark.parametrize("path", build.pages())
def test_generated_pages_are_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text() == build.pages()[path], "run python -m hidden_gaussian.pages.build"


def test_every_demand_is_answered_by_something_that_exists() -> None:
    assert len(reviews.DEMANDS) >= 15
    numbers = {claim.number for claim in claims.LEDGER}
    for demand in reviews.DEMANDS:
        assert set(demand.claims) <= numbers
        assert set(demand.figures) <= set(ENTRIES)
        assert demand.where
    assert {number for demand in reviews.DEMANDS for number in demand.claims} == numbers - {"7"}


def test_cited_pages_exist() -> None:
    for name in ("claims", "reviews", "setup"):
        text = (ROOT / f"docs/{name}.md").read_text()
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (ROOT / "docs" / target).exists(), target


def test_every_rule_that_requests_resources_is_explained() -> None:
    requests = (ROOT / "rules/resources.smk").read_text()
    rules = {name for line in re.findall(r"^ +case (.+):", requests, re.M) for name in re.findall(r'"(\w+)"', line)}
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "docs/resources.md").read_text(), re.M)
    explained = {name for row in rows for name in re.findall(r"`([\w<>]+)`", row)}
    assert explained == rules


FORMULAS = {
    "c_skip": ("s^2 / (sigma^2 + s^2)", lambda sigma, s: s**2 / (sigma**2 + s**2)),
    "c_out": ("sigma s / sqrt(sigma^2 + s^2)", lambda sigma, s: sigma * s / math.sqrt(sigma**2 + s**2)),
    "c_in": ("1 / sqrt(sigma^2 + s^2)", lambda sigma, s: 1 / math.sqrt(sigma**2 + s**2)),
    "c_noise": ("ln(sigma) / 4", lambda sigma, s: math.log(sigma) / 4),
}


def test_preconditioning_is_printed_in_full() -> None:
    """The printed formulas give the network an input and a target of unit variance."""
    text = (ROOT / "docs/setup.md").read_text()
    printed = dict(re.findall(r"^    (c_\w+)\(sigma\)\s+= (.+)$", text, flags=re.M))
    assert printed == {name: formula for name, (formula, _) in FORMULAS.items()}
    for sigma, s in ((0.3, 0.5), (7.0, 0.75)):
        skip, out, scale, _ = (function(sigma, s) for _, function in FORMULAS.values())
        assert scale**2 * (s**2 + sigma**2) == pytest.approx(1)
        assert ((1 - skip) ** 2 * s**2 + skip**2 * sigma**2) / out**2 == pytest.approx(1)


def test_setup_shows_the_settings_of_the_paper_and_its_ambiguities() -> None:
    text = (ROOT / "docs/setup.md").read_text()
    recipe = yaml.safe_load((ROOT / "config/paper.yaml").read_text())["datasets"]["cifar10-paper"]
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("| `")]
    shown = {row[1].strip("`"): row[3] for row in rows}
    assert float(shown["learning_rate"]) == recipe["training"]["learning_rate"]
    assert int(shown["batch"]) == recipe["training"]["batch"]
    assert float(shown["dropout"]) == recipe["network"]["dropout"]
    for ambiguity in ("70,246,400", "921", "warm-up", "25,000"):
        assert ambiguity in text.split("What the paper leaves open")[1]


def test_claims_page_states_each_result_of_the_ledgers_once() -> None:
    text = (ROOT / "docs/claims.md").read_text()
    ledgers = claims_page.ledgers(DIGITS.parent)
    lines = [line.strip("| ").split(" | ") for line in text.split("## Results")[1].splitlines() if line.startswith("|")]
    columns, rows = lines[0], {line[0]: line for line in lines[2:]}
    assert list(rows) == [claim.number for claim in claims.LEDGER]
    words = {"holds": "holds", "undecided": "is undecided"}
    reasons = {"interval": "fails by its interval", "gate": "fails by an unmet gate"}
    for name, judged in ledgers.items():
        assert list(judged.columns) == [column.name for column in schemas.CLAIMS.columns]
        for row in judged.itertuples():
            cell = rows[row.claim][columns.index(name)]
            if row.reason in ("interval", "gate"):
                interval = f"{row.estimate:.3g} [{row.low:.3g}, {row.high:.3g}]"
                delta = next(claim.delta for claim in claims.LEDGER if claim.number == row.claim)
                bound = "" if row.delta == delta else f" against {row.delta:g}"
                assert f"{interval}{bound} {words.get(row.verdict) or reasons[row.reason]}" in cell
                assert text.count(interval) == 1
            else:
                assert cell == f"could not be tested ({row.reason})"
        tested = judged.loc[judged["reason"] == "interval", "claim"]
        line = next(line for line in text.splitlines() if line.startswith(f"* **{name}**"))
        assert line.endswith(f" Tests in Holm's correction: {(tested != 'cal').sum()}.")
    for statement in (claim.statement for claim in claims.LEDGER):
        assert text.count(statement) == 2


def made_up(**verdicts: str) -> pd.DataFrame:
    """A ledger of claims by name (c1, c4 ...) and their verdicts and reasons, such as ``fails gate``."""
    numbers = {"estimate": 0.5, "low": 0.25, "high": 0.75, "delta": 0.1, "window": None, "statistic": "x"}
    rows = []
    for name, (verdict, reason) in ((name, text.split()) for name, text in verdicts.items()):
        row = {"claim": name[1:], "verdict": verdict, "verdict_holm": verdict, "reason": reason.replace("_", " ")}
        rows.append({**row, **numbers})
    return pd.DataFrame(rows)


def test_prose_follows_other_ledgers_too() -> None:
    ledgers = {
        "tiles": made_up(c1="holds interval", c4="fails gate", c6="fails interval", c7="fails gate"),
        "walls": made_up(c1="holds interval", c4="holds interval", c6="undecided interval", c7="undecided missing"),
    }
    chosen = [claim for claim in claims.LEDGER if claim.number in {"1", "4", "6", "7"}]
    assert claims_prose.summary(chosen, ledgers) == (
        "Hold on every dataset that has their cells: 1. Hold wherever their gate is met: 4 (walls). Hold on no "
        "dataset, and fail by their interval: 6 (fails by its interval on tiles; is undecided on walls). Not tested, "
        "because their gate is met on no dataset: 7."
    )
    text = claims_page.page(ledgers)
    number = "0.5 [0.25, 0.75] against 0.1"
    assert f"| 0.01 | {number} holds | {number} holds |" in text
    assert f"| 0.05 | {number} fails by an unmet gate (Q) | {number} holds |" in text
    assert f"| 0.05 | {number} fails by an unmet gate (T) | could not be tested (missing) |" in text
    one_level = {"tiles": made_up(c3="undecided one_level")}
    assert "| could not be tested (one level) |" in claims_page.page(one_level)


def test_the_page_of_reviews_gives_one_number_per_claim() -> None:
    def answer() -> str:
        (line,) = [line for line in reviews.page(ledgers).splitlines() if "Does it hold beyond faces" in line]
        return line

    ledgers = {
        "walls": made_up(c4="holds interval", c6="undecided interval"),
        "tiles": made_up(c4="fails gate", c6="fails interval"),
    }
    number = "0.5 [0.25, 0.75]"
    assert f"4: {number}, walls holds; tiles fails by an unmet gate<br>6: {number}, walls is undecided; " in answer()
    assert "15: not measured" in answer()
    ledgers["digits"] = made_up(c4="holds interval")
    assert f"4: {number}, digits holds; walls holds; tiles fails" in answer()


def test_the_readme_gives_the_verdicts_on_digits() -> None:
    judged = claims_page.ledgers(DIGITS.parent)["digits"].set_index("claim").drop("cal")
    text = " ".join((ROOT / "README.md").read_text().split())
    for verdict, word in (("holds", "hold"), ("fails", "fail")):
        listed = re.search(rf"Claims that {word}: ([^.;]+)", text)
        assert listed
        numbers = re.findall(r"\d+", re.sub(r"\(.*?\)", "", listed[1]))
        assert numbers == judged.index[judged["verdict"] == verdict].tolist()


def test_terminal_ledger_is_a_table() -> None:
    judged = claims_page.ledgers(DIGITS.parent)["digits"]
    lines = display.text(judged).splitlines()
    assert max(len(line) for line in lines) <= sum(display.WIDTHS.values()) + 2 * (len(display.WIDTHS) - 1)
    assert [line[: display.WIDTHS["claim"]].strip() for line in lines if line[0] != " "][2:] == judged["claim"].tolist()
    held = judged[judged["verdict"] == "holds"].iloc[0]
    assert f"{held['estimate']:.3g} [{held['low']:.3g}, {held['high']:.3g}]" in display.text(judged)


def test_report_opens_with_overview_and_ledger(tmp_path: Path) -> None:
    """Rendered as Snakemake renders its first page."""
    folder = tmp_path / "digits/tables"
    folder.mkdir(parents=True)
    judged = pd.read_csv(DIGITS, dtype={"claim": str})
    (folder / "claims.html").write_text(display.html(judged))
    paths = [tmp_path / "digits/figures/overview.png", folder / "claims.html"]
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((ROOT / "workflow/report/workflow.rst").read_text())
    source = template.render(files=[type("File", (), {"path": path}) for path in paths], categories={})
    shown = publish_parts(source, writer="html")["html_body"]
    assert "system-message" not in shown
    assert "app.showResultInfo" in shown
    assert shown.count("<tr") == 1 + len(claims.LEDGER)
    assert "beyond what the Gaussian" in shown


@pytest.mark.parametrize(
    "caption", sorted({*(ROOT / "workflow/report").glob("*.rst")} - {ROOT / "workflow/report/workflow.rst"})
)
def test_captions_are_read_by_docutils_without_complaint(caption: Path) -> None:
    assert "system-message" not in publish_parts(caption.read_text(), writer="html")["html_body"]


def test_the_page_of_faults_has_a_row_for_each_marked_test() -> None:
    files = (ROOT / "tests").rglob("test_*.py")
    marked = {
        f"{path.relative_to(ROOT / 'tests')}::{name}"
        for path in files
        for name in re.findall(r"^@pytest\.mark\.fault\((?:.*?\n)+?def (test_\w+)\(", path.read_text(), re.M)
    }
    page = (ROOT / "docs/reliability.md").read_text()
    assert set(re.findall(r"\| `(\S+::test_\w+)` \|", page)) == marked, "run make test-cluster"
    assert " failed" not in page
