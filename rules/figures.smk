# From shards and sample sets to figures: each from the files of its own cells and their nulls, and no others.
# Needs: what hidden_gaussian/figures/catalogue.py lists. Makes: figures/<name>.{pdf,png}.


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
                category="Figures",
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
            "../workflow/scripts/draw_figure.py"

    rule:
        name:
            f"figure_{figure}"
        input:
            drawn(figure),
        localrule: True


rule figures:
    """Every figure that the settings have the cells for."""
    input:
        [path for figure in catalogue.CATALOGUE for path in drawn(figure)],
