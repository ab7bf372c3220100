# What a study will cost, and what of it can be thrown away.
# Needs: the settings. Makes: nothing.


rule plan:
    """Print cells, runs, images, disk and hours before anything is run."""
    log:
        f"{LOGS}/plan.log",
    conda:
        "../envs/driver.yaml"
    script:
        "../workflow/scripts/plan.py"


rule prune:
    """Delete the training states that a later snapshot has made superfluous."""
    log:
        f"{LOGS}/prune.log",
    conda:
        "../envs/driver.yaml"
    script:
        "../workflow/scripts/prune.py"
