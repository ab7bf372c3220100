"""Generate the pages that must agree with the code: ``python -m hidden_gaussian.pages.build``."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hidden_gaussian import settings
from hidden_gaussian.pages import claims, reviews, setup

ROOT = Path(__file__).parents[3]
BLOCKS: tuple[type[BaseModel], ...] = (
    settings.Study,
    settings.Dataset,
    settings.Source,
    settings.Download,
    settings.Network,
    settings.Training,
    settings.Grid,
    settings.Run,
    settings.Pretrained,
    settings.Sweeps,
    settings.Slice,
    settings.Sampling,
    settings.Measures,
    settings.Jacobian,
    settings.Distillation,
    settings.Adam,
)
HEAD = """# Settings

One file describes one study. All keys are listed below with their defaults; an unknown key is an error. Generated from
`workflow/hidden_gaussian/settings/`.

| file | study |
| --- | --- |
| `config.yaml` | digits, the default |
| `faces.yaml` | faces at 16x16 from your zip |
| `cifar10.yaml` | CIFAR-10 at 32x32 from your zip, a small grid |
| `architectures.yaml` | digits with other networks: VP, ADM, the VE baseline, denoising autoencoders |
| `analytic_models.yaml` | digits with every closed-form denoiser, including patch denoisers |
| `surrogates.yaml` | digits beside random images with the same covariance |
| `paper.yaml` | the paper's grid, for a GPU cluster |

The [README](../README.md) says how long they take.

**What makes a job run again.** A job runs again if an input file changes, if a setting that it uses changes, or if the
version of its numbers is raised (`workflow/hidden_gaussian/versions.py`). An edited comment has no effect. A snapshot
appended to a run trains only the new segment. A snapshot inserted or removed in the middle trains all later segments
again, because each continues the one before; check with `snakemake -n` first.

**Archives.** The path of an archive is not an input, so an archive may move without anything running again. Its
checksum is recorded in `images.json` when it is packed. Different data at the same path go unnoticed unless `sha256`
declares the checksum; then images packed from data with another checksum are refused.
"""


def schema() -> str:
    """Return the JSON schema of a configuration file."""
    return json.dumps(settings.Study.model_json_schema(), indent=1, sort_keys=True) + "\n"


def readme() -> str:
    """Return the page of all settings as Markdown."""
    return "\n".join([HEAD, *(_table(block) for block in BLOCKS)])


def _table(block: type[BaseModel]) -> str:
    name = block.__name__.lower() if block is not settings.Study else "top of the file"
    lines = [
        f"## {name}",
        "",
        (block.__doc__ or "").splitlines()[0],
        "",
        "| key | default | meaning |",
        "| --- | --- | --- |",
    ]
    lines += [f"| `{key}` | {_default(field)} | {field.description} |" for key, field in block.model_fields.items()]
    return "\n".join([*lines, ""])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    return "see below" if isinstance(value, BaseModel) else f"`{json.dumps(value)}`"


def pages() -> dict[str, str]:
    """Return the text of every generated page, by its path relative to the project."""
    results = claims.ledgers(ROOT / "docs/results")
    return {
        "config/schema.json": schema(),
        "config/README.md": readme(),
        "docs/claims.md": claims.page(results),
        "docs/reviews.md": reviews.page(results),
        "docs/setup.md": setup.page(ROOT / "config/paper.yaml"),
    }


def main() -> None:
    """Write the pages."""
    for path, content in pages().items():
        (ROOT / path).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
