"""Names of means over halves and replicates, and the coordinates that such a name holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from hidden_gaussian.errors import InputError

_POOLED = re.compile(r"n(\d+)([ab]?)(?:(/[a-z-]+\d+)(?:r([\d+]+))?(?=/i\d)|(?=/|$))(.*)")


def pooled_id(ids: Sequence[str], everyone: Collection[str] = ()) -> str:
    """Return the name of a mean over halves and replicates: the id without the parts that differ.

    Parameters
    ----------
    ids : sequence of str
        Denoisers, or subsets, that differ in half and replicate at most.
    everyone : collection of str
        All ids that such a mean could be taken over. Of some of the replicates among them each is listed.

    Examples
    --------
    >>> pooled_id(["n64a/gaussian", "n64b/gaussian"])
    'n64/gaussian'
    >>> pooled_id(["n64a/ve16r1/i6400", "n64a/ve16r2/i6400"])
    'n64a/ve16/i6400'
    >>> pooled_id(["n64a/ve16r1/i6400", "n64a/ve16r2/i6400"], [f"n64a/ve16r{index}/i6400" for index in (1, 2, 3)])
    'n64a/ve16r1+2/i6400'
    """
    parts = [_parts(identifier) for identifier in ids]
    halves, replicates = ({part[index] for part in parts} for index in (1, 3))
    size, _, network, _, rest = parts[0]
    alike = [part for part in map(_parts, everyone) if part[::2] == (size, network, rest) and part[1] in halves]
    whole = len(replicates) > 1 and replicates >= {part[3] for part in alike}
    half = halves.pop() if len(halves) == 1 else ""
    listed = "" if whole else "+".join(sorted(filter(None, replicates), key=int))
    return f"n{size}{half}{network}{f'r{listed}' if listed else ''}{rest}"


class PooledPlace(NamedTuple):
    """Coordinates of a denoiser, or of a mean over halves and replicates: None where it has none, or several."""

    subset_size: int
    half: str | None
    architecture: str | None = None
    scale: int | None = None
    replicate: int | None = None
    images_seen: int | None = None


def parse_pooled(identifier: str) -> PooledPlace:
    """Read the coordinates back from an id, or from a name that :func:`pooled_id` made.

    Examples
    --------
    >>> parse_pooled("n64/ve16/i6400/linear")
    PooledPlace(subset_size=64, half=None, architecture='ve', scale=16, replicate=None, images_seen=6400)
    """
    size, half, network, replicate, rest = _parts(identifier)
    place = PooledPlace(int(size), half or None)
    seen = re.match(r"/i(\d+)", rest)
    if not network or seen is None:
        return place
    architecture, scale = re.fullmatch(r"/([a-z-]+)(\d+)", network).groups()  # type: ignore[union-attr]
    one = int(replicate) if replicate.isdigit() else None
    return place._replace(architecture=architecture, scale=int(scale), replicate=one, images_seen=int(seen[1]))


def _parts(identifier: str) -> tuple[str, str, str, str, str]:
    """Return size, half, network without its replicate, replicate (empty where there is none), and what follows."""
    match = _POOLED.fullmatch(identifier)
    if match is None:
        raise InputError(f"{identifier!r} is not the id of a denoiser or a subset; expected one like 'n64a/gaussian'")
    size, half, network, replicate, rest = match.groups(default="")
    return size, half, network, replicate, rest
