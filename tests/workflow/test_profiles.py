"""The effective options of a profile with its defaults, and the resources that every rule requests."""

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file

from hidden_gaussian import settings
from hidden_gaussian.cells import Cell
from hidden_gaussian.planning import resources
from hidden_gaussian.sampling import solvers
from smoke_study import ROOT

PAPER = settings.load(ROOT / "config/paper.yaml").datasets


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The effective options of ``snakemake --profile slurm`` in a clone."""
    from snakemake.cli import parse_args

    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    _, args = parse_args(["--profile", "slurm"])
    return args


def test_the_slurm_profile_and_the_defaults_are_merged(options: Any) -> None:
    assert options.executor == "slurm"
    assert options.jobs == 100
    assert options.retries == 2
    assert options.keep_going
    assert options.rerun_incomplete
    assert options.scheduler == "greedy"
    assert {str(trigger) for trigger in options.rerun_triggers} == {"mtime", "params", "input"}
    assert [Path(path).name for path in options.configfile] == ["paper.yaml"]
    assert options.cores is None


@pytest.mark.parametrize(("gpus", "partition"), [(0, "cpu"), (1, "gpu"), (8, "gpu")])
@pytest.mark.parametrize("minutes", [1, 60, resources.DAY])
@pytest.mark.parametrize("memory", [500, 400_000])
def test_jobs_with_a_gpu_go_to_the_gpu_partition_and_others_do_not(
    gpus: int, partition: str, minutes: int, memory: int
) -> None:
    """By the plugin's own choice from the file as shipped; no job may ask for more than its limits."""
    partitions = read_partition_file(ROOT / "profiles/slurm/partitions.yaml")
    amounts = {"gpu": gpus, "runtime": minutes, "mem_mb": memory}
    job = SimpleNamespace(name="job", threads=max(gpus, 1), resources=amounts)
    assert get_best_partition(partitions, job, logging.getLogger()) == partition


def test_the_slurm_profile_sets_nothing_that_a_command_line_would_replace() -> None:
    """`--set-resources` and `--default-resources` replace the whole block of a profile."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/profile.v9+.yaml").read_text())
    assert "set-resources" not in profile
    assert profile["default-resources"].keys() == {"slurm_account"}
    assert profile["slurm-status-command"] == "squeue"  # sacct's "CANCELLED by 0" would be taken for running


def test_the_default_profile_has_no_option_of_a_particular_machine() -> None:
    profile = yaml.safe_load((ROOT / "profiles/default/profile.v9+.yaml").read_text())
    assert not set(profile) & {"cores", "jobs", "retries", "executor", "default-resources"}


def test_no_rule_sets_retries_and_each_requests_by_the_size_of_its_job() -> None:
    for path in (ROOT / "rules").glob("*.smk"):
        text = path.read_text()
        assert "retries:" not in text, path
        for amount in re.findall(r"(?:mem_mb|runtime)=(.*),", text):
            assert re.fullmatch(r'(memory|minutes)\("\w+"\)', amount), (path, amount)


def test_each_rule_requests_under_its_own_name_and_every_name_is_known() -> None:
    """An unknown name would raise only in a study with such a job."""
    known = set(re.findall(r'"(\w+)"', "".join(re.findall(r"case (.+):", (ROOT / "rules/resources.smk").read_text()))))
    requested = set()
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^ *rule ?", path.read_text(), flags=re.M)[1:]:
            for name in re.findall(r'(?:memory|minutes)\("(\w+)"\)', rule):
                assert name == rule.split(":")[0]
                requested.add(name)
    assert requested == known


def test_requests_follow_the_formulas() -> None:
    ffhq = PAPER["ffhq"]
    d = 3 * 64 * 64
    large = resources.spectrum(ffhq, 70_000)
    assert large.mem_mb == 1_000 + (32 * d * d + 70_000 * d) // 10**6
    assert large.runtime == 10 + int(2 * (2 * 70_000 * d**2 + 20 * d**3) / 1e10 / 60)
    small = resources.training(ffhq, 4, 256_000)
    assert small.mem_mb == 3_000 + 4 * 32 * 64 * 64 * 4 * 4 * 60 // 10**6
    assert small.runtime == 10 + int(2 * 256_000 / (400 * 128 / 4) / 60)
    ten = resources.autoencoders(ffhq, Cell("ffhq", 70_000, "a", "dae-skip", 4, 1, 256_000), 256_000)
    assert ten.runtime == 10 + int(2 * 10 * 256_000 / (400 * 128 / 4) / 60)


@pytest.mark.parametrize("solver", ["euler10", "heun18", "heun40"])
def test_solvers_evaluate_the_denoiser_as_often_as_the_table_says(solver: str) -> None:
    levels = []

    def counted(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        levels.append(sigma)
        return noisy / 2

    solvers.draw(counted, torch.ones(1, 1, 2, 2), solver)
    assert len(levels) == resources.EVALUATIONS[solver]


@pytest.mark.parametrize("name", PAPER)
def test_requests_for_fits_splices_and_jacobians_cover_their_parts(name: str) -> None:
    dataset = PAPER[name]
    fits, draws = dataset.measures.levels * len(dataset.distillation.inputs), dataset.distillation.draws
    minutes = int(2 * fits * 2 * draws * resources.dimension(dataset) ** 2 / resources.GPU_FLOPS / 60)
    plain, fitted = (
        resources.measuring(dataset, 64, None, largest=64, distilled=distilled).runtime for distilled in (False, True)
    )
    assert fitted >= min(plain + minutes, resources.DAY)
    once = resources.sampling(dataset, 64, 4, dataset.sampling.sampler)
    ends = len(dataset.sampling.splice_ends)
    assert resources.splicing(dataset, 64, 4).runtime >= min((ends + 1) * once.runtime, resources.DAY)
    jacobian = dataset.measures.jacobian
    if jacobian is not None:
        longer = jacobian.model_copy(update={"rounds": 2 * jacobian.rounds})
        other = dataset.model_copy(update={"measures": dataset.measures.model_copy(update={"jacobian": longer})})
        assert resources.linearising(other, 64, 128).runtime > resources.linearising(dataset, 64, 128).runtime


def test_linear_autoencoders_request_memory_for_their_matrices_at_any_scale() -> None:
    ffhq, matrix = PAPER["ffhq"], 4 * (3 * 64 * 64) ** 2
    for scale in (4, 128):
        linear, other = (
            resources.autoencoders(ffhq, Cell("ffhq", 70_000, "a", kind, scale, 1, 256_000), 256_000)
            for kind in ("dae-linear", "dae-skip")
        )
        assert linear.mem_mb - other.mem_mb == 12 * matrix // 10**6
        assert linear.runtime == other.runtime
    assert resources.opening(ffhq, "n70000a/dae-linear4r1/i256000") == 20 * matrix // 10**6
    for other in ("n70000a/dae-skip4r1/i256000", "n70000a/ve4r1/i256000", "n70000a/dae-linear4r1/i256000/linear"):
        assert resources.opening(ffhq, other) == 0


@pytest.mark.parametrize("name", PAPER)
def test_larger_jobs_request_more_but_no_job_more_than_a_day(name: str) -> None:
    dataset = PAPER[name]
    sizes = sorted({cell.subset_size for cell in dataset.cells(name)})
    scales = sorted({cell.scale for cell in dataset.cells(name)})
    series = [
        [resources.spectrum(dataset, size) for size in sizes],
        [resources.measuring(dataset, size, scales[-1], largest=sizes[-1], distilled=True) for size in sizes],
        [resources.measuring(dataset, size, None, largest=sizes[-1], distilled=False) for size in sizes],
        [resources.sampling(dataset, size, None, "heun40") for size in sizes],
        [resources.training(dataset, scale, 10**6) for scale in scales],
        [resources.training(dataset, scales[0], images) for images in (10**5, 10**6, 10**8)],
        [resources.distilling(dataset, sizes[0], scale) for scale in scales],
        [resources.distilling(dataset, size, None) for size in sizes],
        [resources.tabulating(dataset, shards) for shards in (1, 10, 100)],
        [resources.plotting(dataset, shards) for shards in (1, 10, 100)],
        [resources.comparing(dataset, size, 2, 2) for size in sizes],
    ]
    for requests in series:
        assert [request.mem_mb for request in requests] == sorted(request.mem_mb for request in requests)
        assert [request.runtime for request in requests] == sorted(request.runtime for request in requests)
        assert all(10 <= request.runtime <= resources.DAY and request.mem_mb >= 1_000 for request in requests)
