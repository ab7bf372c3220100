# What each rule asks a cluster for, from the size of its job; hidden_gaussian/planning/resources.py has the formulas.

# The rules that read the network that their id names.
OPENING = {"draw_samples", "measure_denoiser", "measure_jacobian", "distil_denoiser"}


def request_of(rule, wildcards):
    """Return the request of a rule's job."""
    dataset = chosen(wildcards)
    subset = wildcards.get("id", wildcards.get("subset", "")).split("/")[0]
    size = int(wildcards.get("size") or subset[1:-1] or 0)
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
            return resources.training(
                dataset, scale_of(wildcards.run), stretch(wildcards)
            )
        case "train_autoencoders":
            cell = trained_cell(wildcards, wildcards.images_seen)
            return resources.autoencoders(dataset, cell, stretch(wildcards))
        case "import_network":
            return resources.importing()
        case "draw_samples":
            scale = scale_of(wildcards.id)
            return resources.sampling(dataset, size, scale, wildcards.sampler)
        case "draw_references":
            return resources.sampling_references(dataset, size)
        case "measure_denoiser" | "measure_references":
            scale = scale_of(wildcards.get("id", ""))
            fits = bool(distilled(wildcards))
            largest = int(largest_subset(wildcards)[1:-1])
            return resources.measuring(
                dataset, size, scale, largest=largest, distilled=fits
            )
        case "measure_jacobian":
            return resources.linearising(dataset, size, scale_of(wildcards.id))
        case "distil_denoiser":
            return resources.distilling(dataset, size, scale_of(wildcards.id))
        case "compare_samples":
            partners = len(agreement_partners(wildcards))
            spectra = len(gaussian_spectra(wildcards))
            return resources.comparing(dataset, size, partners, spectra)
        case "measure_nulls" | "measure_samples" | "measure_sampler":
            largest = int(largest_subset(wildcards)[1:-1])
            return resources.moments(dataset, size, largest)
        case "splice_samples":
            return resources.splicing(dataset, size, scale_of(wildcards.id))
        case "build_explorer":
            cells = len(explored(wildcards))
            largest = int(largest_subset(wildcards)[1:-1])
            return resources.exploring(dataset, largest, cells)
        case "gather_tables" | "judge_claims":
            return resources.tabulating(dataset, shards_of(wildcards))
        case "plot_figure":
            return resources.plotting(dataset, shards_of(wildcards))
        case "draw_subset":
            return resources.request(resources.PLAIN, 0, 0)
    raise WorkflowError(f"{rule} has no request: give it one in rules/resources.smk")


def memory(rule):
    """Return a function that gives the megabytes of a rule's job: as many times as it was tried."""

    def asked(wildcards, attempt):
        opens = rule in OPENING
        network = resources.opening(chosen(wildcards), wildcards.id) if opens else 0
        return attempt * (request_of(rule, wildcards).mem_mb + network)

    return asked


def minutes(rule):
    """Return a function that gives the minutes of a rule's job: as many times as it was tried, a day at most."""
    return lambda wildcards, attempt: min(
        attempt * request_of(rule, wildcards).runtime, resources.DAY
    )


def scale_of(path):
    """Return the scale of the network that a path names; None if it names none."""
    match = re.search(r"[a-z](\d+)r\d+", path)
    return int(match.group(1)) if match else None


def shards_of(wildcards):
    """Return how many shards of measurements a dataset has: of its networks, and of the references of its subsets."""
    cells = CELLS[wildcards.dataset]
    return len(cells) + len(reference_names.ALWAYS_MEASURED) * len({cell.subset for cell in cells})


def stretch(wildcards):
    """Return the images between a snapshot and the one before."""
    images = int(wildcards.images_seen)
    return images - max(earlier_snapshots(wildcards), default=0)
