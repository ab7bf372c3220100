"""The ledger of claims for readers: on a terminal, and as HTML in the report."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

import pandas as pd

WIDTHS = {"claim": 5, "statement": 34, "statistic": 40, "estimate": 27, "delta": 5, "verdict": 12, "reason": 8}
STYLE = "<style>.ledger td, .ledger th { text-align: left; vertical-align: top; padding: 0.2em 0.6em }</style>"


def shown(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that a reader needs, as text.

    Parameters
    ----------
    judged : DataFrame
        With the columns of ``schemas.CLAIMS``.

    Returns
    -------
    DataFrame
        Columns ``claim, statement, statistic, estimate`` (with its interval), ``delta, verdict, reason``; an absent
        value is an empty text.
    """
    columns = ["claim", "statement", "statistic", "reason"]
    table = judged[columns].astype(object).where(judged[columns].notna(), "").astype(str)
    table["estimate"] = [
        "" if pd.isna(value) else f"{value:.3g} [{low:.3g}, {high:.3g}]"
        for value, low, high in zip(judged["estimate"], judged["low"], judged["high"], strict=True)
    ]
    table["delta"] = ["" if pd.isna(delta) else f"{delta:g}" for delta in judged["delta"]]
    table["verdict"] = [
        verdict if verdict == adjusted else f"{verdict} ({adjusted} after Holm)"
        for verdict, adjusted in zip(judged["verdict"], judged["verdict_holm"], strict=True)
    ]
    return table[[*WIDTHS]]


def text(judged: pd.DataFrame) -> str:
    """Return the ledger as a table for a terminal, with wrapped cells."""
    table = shown(judged)
    rule = "  ".join("-" * width for width in WIDTHS.values())
    rows = [_wrapped(cells) for cells in table.to_numpy().tolist()]
    return "\n".join([_wrapped([*WIDTHS]), rule, *rows])


def _wrapped(cells: Sequence[str]) -> str:
    columns = [textwrap.wrap(cell, width) for cell, width in zip(cells, WIDTHS.values(), strict=True)]
    lines = zip_longest(*columns, fillvalue="")
    padded = (
        "  ".join(part.ljust(width) for part, width in zip(line, WIDTHS.values(), strict=True)).rstrip()
        for line in lines
    )
    return "\n".join(padded)


def html(judged: pd.DataFrame) -> str:
    """Return the ledger as an HTML table."""
    table: str = shown(judged).to_html(index=False, border=0, classes="ledger", justify="left")
    return f"{STYLE}\n{table}\n"
