# From shards and sample sets to figures: each from the files of its own cells and their nulls, and no others.
# Needs: the files that a figure's ENTRY in hidden_gaussian/figures/ lists. Makes: figures/<name>.{pdf,png}, explore.html.

FIGURES = {name: figures.available(index_of(name)) for name in STUDY.datasets}


def figure_files(wildcards):
    """Return the files a figure is drawn from, or say which settings it lacks."""
    try:
        files = figures.input_files(wildcards.figure, index_of(wildcards.dataset))
    except InputError as error:
        raise WorkflowError(str(error)) from None
    return below(wildcards, files)


def figure_index(wildcards):
    """Return the part of the results index that a figure shows."""
    return asdict(figures.visible(wildcards.figure, index_of(wildcards.dataset)))


def figure_caption(wildcards, output):
    """Return the text below a figure in the report; derived from the output, so that editing it draws nothing again."""
    path = LIBRARY / "report" / f"{wildcards.figure}.rst"
    return path.read_text(encoding="utf-8")


def figure_category(wildcards):
    """Return where the report shows a figure: the overview beside the claims."""
    return "Claims" if wildcards.figure == "overview" else "Figures"


def figure_labels(wildcards):
    """Return what the report's table says of a figure."""
    entry = figures.ENTRIES[wildcards.figure]
    return {"figure": entry.title, "paper": entry.paper or "beyond the paper"}


def drawn(name):
    """Return the files of a figure for every dataset that has the cells for it."""
    return [
        f"{STUDY.results}/{dataset}/figures/{name}.pdf"
        for dataset in STUDY.datasets
        if name in FIGURES[dataset]
    ]


def targets(name):
    """Return the files of a figure, or if no dataset has the cells for it, files that say what they lack."""
    return drawn(name) or expand(f"{ROOT}/figures/{name}.pdf", dataset=STUDY.datasets)


EXPLORABLE = [
    name for name, dataset in STUDY.datasets.items() if dataset.grid.sweeps.size
]


def explored(wildcards):
    """Return the cells of the sweeps that the page shows: first trainings, the most training images first."""
    cells = [
        cell for cell in index_of(wildcards.dataset).all_cells if cell.replicate <= 1
    ]
    return sorted(cells, key=lambda cell: (-cell.subset_size, cell.half, -cell.scale))


def explorer_files(wildcards):
    """Return what the page's denoisers are made from, and the shards of its curves."""
    if wildcards.dataset not in EXPLORABLE:
        raise WorkflowError(
            f"the page of {wildcards.dataset} shows the cells of grid.sweeps.size, which it has not"
        )
    index, cells = index_of(wildcards.dataset), explored(wildcards)
    subsets = dict.fromkeys(cell.subset for cell in cells)
    weights = [f"{cell.id}/weights.safetensors" for cell in cells]
    spectra = [
        f"{subset}/{name}"
        for subset in subsets
        for name in ("subset.npy", "spectrum.safetensors")
    ]
    listed = [
        identifier
        for subset in subsets
        for identifier in reference_names.possible(index.measured_references, subset)
    ]
    return {
        "weights": below(wildcards, weights),
        "spectra": below(wildcards, spectra),
        "fitted": fitted_files(listed),
        "linear": below(wildcards, [f"{index.main.id}/linear.safetensors"]),
        "measures": below(wildcards, index.measures(cells, "empirical")),
    }


rule plot_figure:
    """Draw one figure of one dataset."""
    input:
        figure_files,
    output:
        pdf=f"{ROOT}/figures/{{figure}}.pdf",
        png=report(
            f"{ROOT}/figures/{{figure}}.png",
            caption="../workflow/report/figure.rst",
            category=figure_category,
            subcategory="{dataset}",
            labels=figure_labels,
        ),
    log:
        f"{LOGS}/plot_{{figure}}/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/plot_{{figure}}/{{dataset}}.tsv"
    wildcard_constraints:
        figure="|".join(figures.ENTRIES),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=memory("plot_figure"),
        runtime=minutes("plot_figure"),
    params:
        name=lambda wildcards: wildcards.figure,
        root=dataset_root,
        index=figure_index,
        version=versions.FIGURES,
        caption=figure_caption,
    message:
        "plot {wildcards.figure} of {wildcards.dataset}"
    script:
        "../workflow/scripts/plot_figure.py"


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
        root=dataset_root,
        cells=lambda wildcards: [cell.id for cell in explored(wildcards)],
        references=lambda wildcards: index_of(wildcards.dataset).measured_references,
        inputs=lambda wildcards: index_of(wildcards.dataset).unseen,
        seed=STUDY.seed,
        version=versions.EXPLORER,
    message:
        "build the explorer of {wildcards.dataset}"
    script:
        "../workflow/scripts/build_explorer.py"


rule figures:
    """Every figure that the settings have the cells for."""
    input:
        [path for figure in figures.ENTRIES for path in drawn(figure)],
        expand(f"{ROOT}/explore.html", dataset=EXPLORABLE),


# `snakemake figure_<name>`: a target has to be a rule, and Snakemake makes none from a wildcard.
for figure in figures.ENTRIES:

    rule:
        name:
            f"figure_{figure}"
        input:
            targets(figure),
        localrule: True
