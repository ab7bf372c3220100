# The cost of a study, and the training states that can be deleted.
# Needs: the settings. Makes: nothing.


rule plan:
    """Print cells, runs, images, disk space and hours of a study before it runs."""
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
