# From shards and sample sets to figures: each from the files of its own cells and their nulls, and no others.
# Needs: what hidden_gaussian/figures/catalogue.py lists. Makes: figures/<name>.{pdf,png}.

FIGURES = {name: catalogue.available(dataset) for name, dataset in STUDY.datasets.items()}


def figure_files(name):
    """Return a function of the wildcards that gives the files a figure is drawn from."""

    def files(wildcards):
        return below(wildcards, catalogue.needs(name, wildcards.dataset, chosen(wildcards)))

    return files


def drawn(name):
    """Return the files of a figure for every dataset that has the cells for it."""
    return [f"{STUDY.results}/{dataset}/figures/{name}.pdf" for dataset in STUDY.datasets if name in FIGURES[dataset]]


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
                labels={"figure": entry.title, "paper": entry.paper or "beyond the paper"},
            ),
        log:
            f"{LOGS}/plot_{figure}/{{dataset}}.log",
        benchmark:
            f"{BENCHMARKS}/plot_{figure}/{{dataset}}.tsv"
        conda:
            "../envs/analysis.yaml"
        resources:
            mem_mb=4_000,
            runtime=30,
        params:
            name=figure,
            dataset=lambda wildcards: wildcards.dataset,
            root=lambda wildcards: ROOT.format(dataset=wildcards.dataset),
            settings=setting(),
            seed=STUDY.seed,
        script:
            "../workflow/scripts/draw_figure.py"

    rule:
        name:
            f"figure_{figure}"
        localrule: True
        input:
            drawn(figure),


rule figures:
    """Every figure that the settings have the cells for."""
    input:
        [path for figure in catalogue.CATALOGUE for path in drawn(figure)],
