# From shards to verdicts.
# Needs: the shards of all cells of the sweeps. Makes: tables/claims.{parquet,csv,html}.


rule judge_claims:
    """Judge the paper's claims, each by a statistic, a smallest effect and a precondition that are fixed beforehand."""
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
        version=[versions.CLAIMS, versions.ESTIMATES],
    message:
        "judge claims on {wildcards.dataset}"
    script:
        "../workflow/scripts/judge_claims.py"


rule claims:
    """Judge the claims and print the ledger."""
    input:
        expand(f"{ROOT}/tables/claims.parquet", dataset=STUDY.datasets),
    log:
        f"{LOGS}/claims.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        datasets=list(STUDY.datasets),
    script:
        "../workflow/scripts/claims.py"
