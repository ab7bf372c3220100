"""Kinds of Parquet files: columns with types and meanings, and the key of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

TEXT = pa.string()
NAME = pa.dictionary(pa.int32(), pa.string())  # few distinct texts; a pandas category when read


@dataclass(frozen=True)
class Column:
    """One column: type, meaning with unit, and whether a value may be absent."""

    name: str
    type: pa.DataType
    description: str
    nullable: bool = False
    default: int | None = None


@dataclass(frozen=True)
class Table:
    """A kind of file: its columns in order, and the columns that together identify a row."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with the descriptions as metadata."""
        fields = [
            pa.field(column.name, column.type, column.nullable, {"description": column.description})
            for column in self.columns
        ]
        return pa.schema(fields, {"table": self.name, "description": self.description})


_WHERE = (
    Column("id", NAME, "denoiser or sample set: its path below the dataset's folder"),
    Column("reference_id", NAME, "denoiser or sample set that it is compared with", True),
    Column(
        "inputs",
        NAME,
        "clean images with noise added: train, heldout, foreign, remainder; noise: no image; trajectory: states of the "
        "sampler",
        True,
    ),
    Column("sampler", NAME, "solver that made the samples", True),
    Column("sigma", pa.float64(), "standard deviation of the noise, pixels in [-1, 1]", True),
    Column(
        "parameter",
        NAME,
        "name of a further axis, see results/README.md; window: pooled over it",
        True,
    ),
    Column("at", pa.float64(), "coordinate on the further axis", True),
)
_CELL = (
    Column("dataset", TEXT, "name of the dataset in the settings"),
    Column("subset_size", pa.int64(), "number of training images", True),
    Column("half", TEXT, "end of the permutation that the subset comes from: a or b", True),
    Column("architecture", TEXT, "network architecture", True),
    Column("scale", pa.int64(), "base channels of the network", True),
    Column("replicate", pa.int64(), "index of the independent training run", True),
    Column("images_seen", pa.int64(), "images seen in training", True),
    Column("epoch", pa.float64(), "images seen over the number of training images", True),
)
_PLAIN_WHERE = tuple(
    Column(column.name, TEXT if column.type == NAME else column.type, column.description, column.nullable)
    for column in _WHERE
)

SHARD = Table(
    "shard",
    "measurements of one denoiser or sample set, one row per image, noise draw and quantity",
    (
        *_WHERE,
        Column("image", pa.int32(), "index of the clean image or sample; -1: not per image", default=-1),
        Column("draw", pa.int32(), "index of the noise draw of the image", default=0),
        Column(
            "quantity",
            NAME,
            "measured quantity: a sum over pixels, or one number of an image or map",
        ),
        Column("value", pa.float64(), "its value"),
    ),
    (*(column.name for column in _WHERE), "image", "draw", "quantity"),
)
LOG = Table(
    "log",
    "progress of one training segment",
    (
        Column("images_seen", pa.int64(), "images seen at the end of the interval"),
        Column("loss", pa.float64(), "mean weighted loss per pixel over the interval"),
        Column("learning_rate", pa.float64(), "step size of the optimiser at the end of the interval"),
    ),
    ("images_seen",),
)
TRAINING = Table(
    "training",
    "progress of every training run",
    (*_CELL, *LOG.columns[1:]),
    tuple(column.name for column in _CELL if column.name != "epoch"),
)
SPECTRUM = Table(
    "spectrum",
    "variance of every training subset along its principal components",
    (
        *_CELL[:3],
        Column("component", pa.int64(), "number of the principal component, from 1, by descending variance"),
        Column("variance", pa.float64(), "eigenvalue of the covariance, pixels in [-1, 1]"),
        Column("share", pa.float64(), "share of the total variance in this component and all before it"),
    ),
    ("dataset", "subset_size", "half", "component"),
)
ESTIMATES = Table(
    "estimates",
    "one metric at one point of the study, with its interval",
    (
        *_CELL,
        *_PLAIN_WHERE,
        Column("metric", TEXT, "name of the metric, see results/README.md"),
        Column("value", pa.float64(), "the estimate", True),
        Column("low", pa.float64(), "lower end of the 95 % interval", True),
        Column("high", pa.float64(), "upper end of the 95 % interval", True),
        Column("count", pa.int64(), "images, pairs or samples behind the estimate"),
        Column("interval", TEXT, "sources of variation that the interval covers", True),
    ),
    ("dataset", *(column.name for column in _WHERE), "metric"),
)
CLAIMS = Table(
    "claims",
    "the paper's claims as tests, one row a claim",
    (
        Column("claim", TEXT, "number in the ledger"),
        Column("source", TEXT, "figure of the paper, or who asked for the claim"),
        Column("statement", TEXT, "the claim in one sentence"),
        Column("statistic", TEXT, "computed quantity"),
        Column("delta", pa.float64(), "smallest effect that matters, or the bound of equivalence", True),
        Column("gate", TEXT, "precondition: must hold before the claim is judged", True),
        Column("estimate", pa.float64(), "the statistic", True),
        Column("low", pa.float64(), "lower end of the 95 % interval", True),
        Column("high", pa.float64(), "upper end of the 95 % interval", True),
        Column("interval", TEXT, "sources of variation that the interval covers", True),
        Column("verdict", TEXT, "holds, fails or undecided"),
        Column("verdict_holm", TEXT, "the verdict after Holm's correction over all tested claims"),
        Column("reason", TEXT, "why: interval, gate, missing, one level (of the window) or ridge (of the maps)", True),
        Column("paper_value", TEXT, "value in the paper", True),
        Column(
            "clock",
            TEXT,
            "claim 8: images seen at the minimum, here and at the largest size, and at the onset of memorising",
            True,
        ),
        Column("window", TEXT, "noise levels of the transition window, and the subset that defines them", True),
    ),
    ("claim",),
)
