# Memory and time of each job, from its size; hidden_gaussian/planning/resources.py has the formulas.

# rules that load a network
LOADING = {"draw_samples", "measure_denoiser", "measure_jacobian", "distil_denoiser"}


def request_of(rule, wildcards):
    """Return the memory and time that a job requests."""
    dataset = chosen(wildcards)
    largest = Subset.parse(largest_subset(wildcards)).size
    in_subset = {"id", "subset", "size"} & set(wildcards.keys())
    size = subset_of(wildcards).size if in_subset else 0
    match rule:
        case "pack_images":
            return resources.packing(dataset, source_of(wildcards).count)
        case "split_images":
            return resources.splitting(dataset)
        case "fit_spectrum":
            return resources.spectrum(dataset, size)
        case "fit_reference":
            return resources.reference(dataset, size)
        case "train_denoiser":
            cell = trained_cell(wildcards)
            return resources.training(dataset, cell.scale, segment_images(wildcards))
        case "train_autoencoders":
            cell = trained_cell(wildcards)
            return resources.autoencoders(dataset, cell, segment_images(wildcards))
        case "import_network":
            return resources.importing()
        case "draw_samples":
            return resources.sampling(
                dataset, size, scale_of(wildcards), wildcards.sampler
            )
        case "draw_references":
            return resources.sampling_references(dataset, size)
        case "measure_denoiser" | "measure_references":
            return resources.measuring(
                dataset,
                size,
                scale_of(wildcards),
                largest=largest,
                distilled=bool(distillation_settings(wildcards)),
            )
        case "measure_distances" | "measure_linearity":
            scales = [
                (
                    DenoiserId.parse(name).cell(wildcards.dataset).scale
                    if DenoiserId.parse(name).is_network
                    else None
                )
                for name in ids_of(wildcards)
            ]
            return resources.adding(dataset, size, scales, largest=largest)
        case "measure_jacobian":
            return resources.linearising(dataset, size, scale_of(wildcards))
        case "distil_denoiser":
            return resources.distilling(dataset, size, scale_of(wildcards))
        case "compare_samples":
            partners = len(agreement_partners(wildcards))
            spectra = len(gaussian_spectra(wildcards))
            return resources.comparing(dataset, size, partners, spectra)
        case "measure_nulls" | "measure_samples" | "measure_sampler":
            return resources.moments(dataset, size, largest)
        case "splice_samples":
            return resources.splicing(dataset, size, scale_of(wildcards))
        case "build_explorer":
            cells = len(explored(wildcards))
            return resources.exploring(dataset, largest, cells)
        case "gather_tables" | "judge_claims":
            return resources.tabulating(dataset, shards_of(wildcards))
        case "plot_figure":
            return resources.plotting(dataset, shards_of(wildcards))
        case "draw_subset":
            return resources.request(resources.PLAIN, 0, 0)
    raise WorkflowError(
        f"{rule} has no request; expected a case in rules/resources.smk: add one"
    )


def memory(rule):
    """Return a function for the megabytes of a rule's jobs, multiplied by the number of the attempt."""

    def megabytes(wildcards, attempt):
        loads = rule in LOADING
        network = resources.opening(chosen(wildcards), wildcards.id) if loads else 0
        return attempt * (request_of(rule, wildcards).mem_mb + network)

    return megabytes


def minutes(rule):
    """Return a function for the minutes of a rule's jobs, multiplied by the number of the attempt, at most a day."""
    return lambda wildcards, attempt: min(
        attempt * request_of(rule, wildcards).runtime, resources.DAY
    )


def scale_of(wildcards):
    """Return the scale of the network of a job, or None if the job has a reference denoiser."""
    if "id" not in wildcards.keys():
        return None
    denoiser = DenoiserId.parse(wildcards.id)
    return denoiser.cell(wildcards.dataset).scale if denoiser.owner.is_network else None


def shards_of(wildcards):
    """Return the number of measurement shards of a dataset: of its networks, and of the references of its subsets."""
    references = len(reference_names.ALWAYS_MEASURED) * len(SUBSETS[wildcards.dataset])
    return len(CELLS[wildcards.dataset]) + references


def segment_images(wildcards):
    """Return the number of images between a checkpoint and the one before."""
    return int(wildcards.images_seen) - images_before(wildcards)
