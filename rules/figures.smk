# From shards and sample sets to figures: each from the files of its own cells and their nulls, and no others.
# Needs: what hidden_gaussian/figures/catalogue.py lists. Makes: figures/<name>.{pdf,png},
# explore.html.

FIGURES = {name: catalogue.available(plan_of(name)) for name in STUDY.datasets}


def needed(name, dataset):
    """Return the files a figure is drawn from, or say which settings it lacks."""
    try:
        return catalogue.needs(name, plan_of(dataset))
    except InputError as error:
        raise WorkflowError(str(error)) from None


def figure_files(name):
    """Return a function of the wildcards that gives the files a figure is drawn from."""

    def files(wildcards):
        return below(wildcards, needed(name, wildcards.dataset))

    return files


def figure_plan(name):
    """Return a function of the wildcards that gives what a figure may know of the settings."""

    def plan(wildcards):
        return asdict(catalogue.narrowed(name, plan_of(wildcards.dataset)))

    return plan


def asked(name):
    """Return a function that gives the files of a figure asked for by name, or says why there is none."""

    def files(wildcards):
        found = drawn(name)
        if not found:
            for dataset in STUDY.datasets:
                needed(name, dataset)
        return found

    return files


def drawn(name):
    """Return the files of a figure for every dataset that has the cells for it."""
    return [
        f"{STUDY.results}/{dataset}/figures/{name}.pdf"
        for dataset in STUDY.datasets
        if name in FIGURES[dataset]
    ]


EXPLORABLE = [
    name for name, dataset in STUDY.datasets.items() if dataset.grid.sweeps.size
]


def explored(wildcards):
    """Return the cells of the sweeps that the page shows: first trainings, the most training images first."""
    cells = [cell for cell in plan_of(wildcards.dataset).every if cell.replicate <= 1]
    return sorted(cells, key=lambda cell: (-cell.subset_size, cell.half, -cell.scale))


def explorer_files(wildcards):
    """Return what the page's denoisers are made from, and the shards of its curves."""
    if wildcards.dataset not in EXPLORABLE:
        raise WorkflowError(
            f"the page of {wildcards.dataset} shows the cells of grid.sweeps.size, which it has not"
        )
    plan, cells = plan_of(wildcards.dataset), explored(wildcards)
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
        for identifier in reference_names.possible(plan.measured, subset)
    ]
    return {
        "weights": below(wildcards, weights),
        "spectra": below(wildcards, spectra),
        "fitted": fitted_files(listed),
        "linear": below(wildcards, [f"{plan.main.id}/linear.safetensors"]),
        "measures": below(wildcards, plan.measures(cells, "empirical")),
    }


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
            version=versions.FIGURES,
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
        root=dataset_root,
        cells=lambda wildcards: [cell.id for cell in explored(wildcards)],
        references=lambda wildcards: plan_of(wildcards.dataset).measured,
        inputs=lambda wildcards: plan_of(wildcards.dataset).unseen,
        seed=STUDY.seed,
        version=versions.EXPLORER,
    script:
        "../workflow/scripts/build_explorer.py"


rule figures:
    """Every figure that the settings have the cells for."""
    input:
        [path for figure in catalogue.CATALOGUE for path in drawn(figure)],
        expand(f"{ROOT}/explore.html", dataset=EXPLORABLE),
