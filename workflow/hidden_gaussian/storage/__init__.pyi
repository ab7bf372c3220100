from . import archives, arrays, restricted_pickle, schemas
from .arrays import (
    AnyPath,
    digest_rows,
    holding,
    load_array,
    load_arrays,
    load_json,
    load_metadata,
    load_one,
    load_tensors,
    save_array,
    save_json,
    save_tensors,
    seal_array,
    sha256,
)
from .atomic import atomic_path, put_in_place
from .comparison import differences
from .parquet import read_shard, read_shards, read_table, write_log, write_shard, write_table
from .restricted_pickle import DAMAGE, Interpreter
from .rows import shard_rows
from .schemas import TEXT, Column, Table

__all__ = [
    "DAMAGE",
    "TEXT",
    "AnyPath",
    "Column",
    "Interpreter",
    "Table",
    "archives",
    "arrays",
    "atomic_path",
    "differences",
    "digest_rows",
    "holding",
    "load_array",
    "load_arrays",
    "load_json",
    "load_metadata",
    "load_one",
    "load_tensors",
    "put_in_place",
    "read_shard",
    "read_shards",
    "read_table",
    "restricted_pickle",
    "save_array",
    "save_json",
    "save_tensors",
    "schemas",
    "seal_array",
    "sha256",
    "shard_rows",
    "write_log",
    "write_shard",
    "write_table",
]
