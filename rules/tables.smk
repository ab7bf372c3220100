# From shards to estimates with intervals, and to verdicts.
# Needs: the shards of all cells of the sweeps. Makes: tables/<metric family>.{parquet,csv}, and
# tables/claims.{parquet,csv,html}.


rule gather_tables:
    """Estimate every metric from the shards, with intervals and nulls as rows."""
    input:
        shards=shard_files,
        spectra=spectrum_files,
    output:
        parquet=expand(
            f"{ROOT}/tables/{{family}}.parquet", family=FAMILIES, allow_missing=True
        ),
        csv=expand(f"{ROOT}/tables/{{family}}.csv", family=FAMILIES, allow_missing=True),
    log:
        f"{LOGS}/gather_tables/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/gather_tables/{{dataset}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("gather_tables"),
        runtime=minutes("gather_tables"),
    params:
        pixels=dimension,
        recipe=recipes.ESTIMATES,
    script:
        "../workflow/scripts/gather_tables.py"


rule judge_claims:
    """Judge the paper's claims, each by a statistic, a smallest effect and a gate fixed beforehand."""
    input:
        shards=shard_files,
    output:
        parquet=f"{ROOT}/tables/claims.parquet",
        csv=report(
            f"{ROOT}/tables/claims.csv",
            caption="../workflow/report/claims.rst",
            category="Claims",
            labels={"figure": "ledger of claims, every column", "paper": ""},
            subcategory="{dataset}",
        ),
        html=report(
            f"{ROOT}/tables/claims.html",
            caption="../workflow/report/claims.rst",
            category="Claims",
            labels={"figure": "ledger of claims", "paper": ""},
            subcategory="{dataset}",
        ),
    log:
        f"{LOGS}/judge_claims/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/judge_claims/{{dataset}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("judge_claims"),
        runtime=minutes("judge_claims"),
    params:
        sweeps=sweep_ids,
        ridge=setting("distillation", "ridge"),
        recipe=[recipes.CLAIMS, recipes.ESTIMATES],
    script:
        "../workflow/scripts/judge_claims.py"


rule tables:
    """Every table but the claims."""
    input:
        expand(
            f"{ROOT}/tables/{{family}}.parquet",
            dataset=STUDY.datasets,
            family=FAMILIES,
        ),
        sampler_errors,


rule claims:
    """Judge the claims, and print the ledger."""
    input:
        expand(f"{ROOT}/tables/claims.parquet", dataset=STUDY.datasets),
    log:
        f"{LOGS}/claims.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    script:
        "../workflow/scripts/claims.py"
