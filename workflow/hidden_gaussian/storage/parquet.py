"""Parquet files: checked against a schema; the same rows give the same bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from hidden_gaussian.errors import InputError
from hidden_gaussian.storage.arrays import AnyPath
from hidden_gaussian.storage.atomic import atomic_path
from hidden_gaussian.storage.schemas import LOG, NAME, SHARD, TEXT, Column, Table


def conform(frame: pd.DataFrame, table: Table, path: AnyPath) -> pa.Table:
    """Return the frame as an Arrow table with the declared columns, types and order.

    Nullable columns and columns with a default may be missing in the frame.

    Parameters
    ----------
    frame : DataFrame
        The rows. The index is ignored.
    table : Table
        The declaration.
    path : path
        The file to write, for errors.

    Raises
    ------
    InputError
        If a column is missing, unknown, of another type, infinite, or lacks a required value, or two rows have the same
        key.
    """
    frame = _completed(frame, table, path)
    for column in table.columns:
        _check_values(frame[column.name], column, path)
    keys = [name for name in table.key if not frame[name].isna().all()]
    if keys and (repeated := frame.duplicated(keys)).any():
        first = frame.loc[repeated, keys].iloc[0].to_dict()
        raise InputError(f"{path}: two rows have the same key {first}; expected one row a key; remove one")
    try:
        return pa.Table.from_pandas(frame, table.schema, preserve_index=False).replace_schema_metadata(
            table.schema.metadata
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        reason = " ".join(str(part) for part in error.args)
        raise InputError(f"{path}: a column has the wrong type ({reason}); expected a {table.name} table") from error


def _completed(frame: pd.DataFrame, table: Table, path: AnyPath) -> pd.DataFrame:
    names = [column.name for column in table.columns]
    if unknown := [str(name) for name in frame.columns if name not in names]:
        raise InputError(f"{path}: column '{unknown[0]}' is unknown; expected {', '.join(names)}; remove it")
    frame = frame.reset_index(drop=True)
    for column in table.columns:
        if column.name in frame:
            continue
        if column.default is None and not column.nullable:
            raise InputError(f"{path}: column '{column.name}' is missing; add it ({column.description})")
        frame[column.name] = pd.Series(column.default, frame.index, dtype=_dtype(column.type))
    return frame[names].assign(
        **{column.name: _typed(frame[column.name], column) for column in table.columns if column.type == NAME}
    )


def _dtype(kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return "float64"
    return "Int64" if pa.types.is_integer(kind) else "str"


def _typed(values: pd.Series, column: Column) -> pd.Series:
    """Return categories in alphabetical order, so that the same rows give the same bytes."""
    present = sorted(str(value) for value in values.dropna().unique())
    return values.astype(pd.CategoricalDtype(pd.Index(present, dtype="str")))


def _check_values(values: pd.Series, column: Column, path: AnyPath) -> None:
    if not column.nullable and values.isna().any():
        raise InputError(
            f"{path}: column '{column.name}' lacks a value (absent or NaN) in {values.isna().sum()} rows; expected one "
            f"in each row ({column.description}); check the network"
        )
    if pd.api.types.is_float_dtype(values) and np.isinf(values.dropna().to_numpy(dtype=float)).any():
        raise InputError(
            f"{path}: column '{column.name}' has an infinite value; expected finite numbers; check the network"
        )


def write_shard(path: AnyPath, frame: pd.DataFrame) -> None:
    """Write measurements as one shard (:data:`SHARD`), atomically.

    Parameters
    ----------
    path : path
        The Parquet file.
    frame : DataFrame
        At least ``id, quantity, value``; the other columns of :data:`SHARD` are optional.

    Raises
    ------
    InputError
        If :func:`conform` refuses the rows.
    """
    _write_parquet(path, conform(frame, SHARD, path))


def write_log(path: AnyPath, frame: pd.DataFrame) -> None:
    """Write the progress of one training segment (:data:`LOG`); InputError if :func:`conform` refuses it."""
    _write_parquet(path, conform(frame, LOG, path))


def write_table(path: AnyPath, frame: pd.DataFrame, table: Table) -> None:
    """Write a table as ``.parquet`` and as ``.csv``, atomically; the same rows give the same bytes.

    `table` is one of :mod:`hidden_gaussian.storage.schemas`'; InputError if :func:`conform` refuses the rows.
    """
    content = conform(frame, table, path)
    _write_parquet(path, content)
    with atomic_path(Path(path).with_suffix(".csv")) as temporary:
        pyarrow.csv.write_csv(content, temporary, pyarrow.csv.WriteOptions(quoting_style="needed"))


def _write_parquet(path: AnyPath, content: pa.Table) -> None:
    with atomic_path(path) as temporary:
        pq.write_table(content, temporary, compression="zstd", write_statistics=False, write_page_checksum=True)


def read_shard(path: AnyPath) -> pd.DataFrame:
    """Read one shard, with texts as pandas categories and NaN for absent values; errors as :func:`read_table`."""
    return read_table(path, SHARD)


def read_shards(paths: Iterable[AnyPath], quantities: Collection[str] | None = None) -> pd.DataFrame:
    """Read several shards, or some quantities of them, into one frame; errors as :func:`read_table`."""
    parts = [_read(path, SHARD) for path in paths]
    if quantities is not None:
        wanted = pa.array(sorted(quantities), TEXT)
        parts = [part.filter(pc.is_in(part["quantity"].cast(TEXT), value_set=wanted)) for part in parts]
    return _frame(pa.concat_tables([SHARD.schema.empty_table(), *parts]).unify_dictionaries())


def read_table(path: AnyPath, table: Table) -> pd.DataFrame:
    """Read one Parquet file of a kind.

    Raises
    ------
    InputError
        If the file is absent, damaged, or has other columns.
    """
    return _frame(_read(path, table))


def _frame(content: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = content.to_pandas()
    return frame


def _read(path: AnyPath, table: Table) -> pa.Table:
    if not Path(path).is_file():
        raise InputError(f"{path} is not there, but this step needs it; run the step that makes it")
    try:
        content = pq.read_table(path, page_checksum_verification=True)
        return content.select(table.schema.names).cast(table.schema)
    except (pa.ArrowException, KeyError, OSError) as error:
        raise InputError(f"{path} is damaged or no {table.name} table; delete it and run again") from error
