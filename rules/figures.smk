# From shards and sample sets to figures: each from the files of its own cells and their nulls, and no others.
# Needs: what hidden_gaussian/figures/catalogue.py lists. Makes: figures/<name>.{pdf,png},
# explore.html.


for figure, entry in catalogue.CATALOGUE.items():

    rule:
        name:
            f"plot_{figure}"
        input:
            figure_files(figure),
        output:
            pdf=f"{ROOT}/figures/{figure}.pdf",
            png=report(
                f"{ROOT}/figures/{figure}.png",
                caption=f"../workflow/report/{figure}.rst",
                category="Claims" if figure == "overview" else "Figures",
                subcategory="{dataset}",
                labels={
                    "figure": entry.title,
                    "paper": entry.paper or "beyond the paper",
                },
            ),
        log:
            f"{LOGS}/plot_{figure}/{{dataset}}.log",
        benchmark:
            f"{BENCHMARKS}/plot_{figure}/{{dataset}}.tsv"
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=memory("plot_figure"),
            runtime=minutes("plot_figure"),
        params:
            name=figure,
            root=lambda wildcards: ROOT.format(dataset=wildcards.dataset),
            plan=figure_plan(figure),
            recipe=recipes.FIGURES,
        script:
            "../workflow/scripts/plot_figure.py"

    rule:
        name:
            f"figure_{figure}"
        input:
            asked(figure),
        localrule: True


rule build_explorer:
    """Put the outputs of all denoisers of the sweeps on one page with a slider over the noise levels."""
    input:
        unpack(explorer_files),
        images=input_files,
    output:
        page=report(
            f"{ROOT}/explore.html",
            caption="../workflow/report/explorer.rst",
            category="Figures",
            subcategory="{dataset}",
            labels={"figure": "Explorer by noise level", "paper": "beyond the paper"},
        ),
    log:
        f"{LOGS}/build_explorer/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/build_explorer/{{dataset}}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=memory("build_explorer"),
        runtime=minutes("build_explorer"),
    params:
        cells=lambda wildcards: [cell.id for cell in explored(wildcards)],
        references=lambda wildcards: plan_of(wildcards.dataset).measured,
        inputs=lambda wildcards: plan_of(wildcards.dataset).unseen,
        seed=STUDY.seed,
        recipe=recipes.EXPLORER,
    script:
        "../workflow/scripts/build_explorer.py"


rule figures:
    """Every figure that the settings have the cells for."""
    input:
        [path for figure in catalogue.CATALOGUE for path in drawn(figure)],
        expand(f"{ROOT}/explore.html", dataset=EXPLORABLE),
