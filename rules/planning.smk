# What a run is going to do: checked before its first job, and described at the end of a dry run; the cost of a study,
# and the training states that can be deleted.
# Needs: the settings. Makes: <dataset>/settings.json.

import atexit
from contextlib import chdir

from hidden_gaussian.planning import cost, dates, preflight, retraining


def made_files():
    """Return the files that this run makes, with their status in the words of ``snakemake --summary``."""
    made, dag = {}, workflow.dag
    for job in dag.needrun_jobs(exclude_finished=False):
        reason = dag.reason(job)
        # by the user, or by Snakemake where a file is incomplete; the reason names one cause only
        forced = job.rule in dag.forcerules or dag.forcefiles.intersection(job.output)
        for path in map(str, job.output):
            if not Path(path).exists():
                made[path] = "missing"
            elif forced:
                made[path] = "forced"
            elif reason.params_changed:
                made[path] = "params changed"
            elif reason.input_changed:
                made[path] = "set of input files changed"
            else:
                made[path] = "updated input files"
    return made


def describe_run(folder):
    """Print, at the end of a dry run, what the run would train, and which finished networks it would train again."""
    if not workflow.dryrun or getattr(workflow, "scheduler", None) is None:
        return
    with chdir(folder):  # Snakemake has left its working folder
        jobs = list(workflow.dag.needrun_jobs(exclude_finished=False))
        print(f"{len(jobs)} of {len(list(workflow.dag.jobs))} jobs to do")
        made = made_files()
        lost = retraining.losses(STUDY, made)
        parts = [cost.to_train(STUDY, made), *retraining.describe(lost)]
        for line in [*ownership.describe(STUDY), *parts]:
            if line:
                print(line)


REPACKED = {}  # arrays of images that this run packs again, by path


def prepare_run():
    """Find what is bound to fail, refuse to lose finished networks, and write down the settings, before the first job."""
    made = made_files()
    try:
        if not workflow.touch:
            preflight.check(STUDY, made)
            retraining.check(STUDY, made)
        REPACKED.update(dates.of_packed(STUDY, made))
        lines = [*ownership.notes(STUDY), *ownership.record(STUDY, made)]
    except InputError as error:
        raise WorkflowError(str(error)) from None
    for line in lines:
        print(line, file=sys.stderr)


def start_without_limit():
    """Remove Snakemake's default limit of 100 job starts per second, but not a limit from the command line.

    With a limit, Snakemake 9.27 starts a thread for every finished job, which checks all ready jobs once more after a
    second. After thousands of jobs this occupies a core and needs more threads than a login node allows.
    """
    # The limiter is not part of Snakemake's public interface and may be missing in another version.
    limiter = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limiter and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


if workflow.is_main_process and options and options.dryrun:
    atexit.register(describe_run, Path.cwd())


rule plan:
    """Print what is left to do, what the study costs in all, and finished networks that would be trained again."""
    log:
        f"{LOGS}/plan.log",
    conda:
        "../envs/driver.yaml"
    script:
        "../workflow/scripts/plan.py"


rule prune:
    """Delete the training states that a later checkpoint replaces."""
    log:
        f"{LOGS}/prune.log",
    conda:
        "../envs/driver.yaml"
    script:
        "../workflow/scripts/prune.py"
