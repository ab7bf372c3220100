# What the rules of ../data.smk need, as functions of the wildcards.


def source_of(wildcards):
    """Return the source of the training images, of separate held-out images, or of foreign images."""
    dataset = chosen(wildcards)
    return {
        "images": dataset.source,
        "heldout": dataset.heldout,
        "foreign": dataset.foreign,
    }[wildcards.role]


def imitated(wildcards):
    """Return the packed images that surrogates imitate; none for images from elsewhere."""
    of = source_of(wildcards).of
    return [] if of is None else [f"{STUDY.results}/{of}/images.npy"]


def heldout_number(wildcards):
    """Return how many images of the source are set aside."""
    heldout = chosen(wildcards).heldout
    return heldout if isinstance(heldout, int) else 0


def separate_heldout(wildcards):
    """Return the held-out images where they have a source of their own."""
    return (
        {}
        if isinstance(chosen(wildcards).heldout, int)
        else {"heldout": f"{ROOT}/heldout.npy"}
    )
