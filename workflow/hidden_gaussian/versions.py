"""Versions of the numbers, by stage: raised by hand if an edit changes results, and only then.

Rules pass them to Snakemake as parameters. Raising one repeats the jobs that depend on it; other edits repeat nothing.
A correction that changes few inputs raises the version of these alone, so that nobody else trains again.
"""

IMAGES_OF: dict[str, int] = {}
"""Versions of single kinds of source, where they are above `IMAGES`."""
AUGMENTED = 0
"""What is added to `TRAINING` where images are augmented."""

IMAGES = 3
SUBSETS = 2
SPECTRUM = 2
REFERENCES = 2
TRAINING = 3
AUTOENCODERS = 1
IMPORT = 1
SAMPLING = 4
SAMPLES = 2
AGREEMENT = 2
MOMENTS = 2
SPLICES = 1
SAMPLER_ERROR = 1
MEASURES = 8
DISTILLATION = 4
OUTPUTS = 1
JACOBIAN = 2
ESTIMATES = 9
CLAIMS = 6
FIGURES = 13
EXPLORER = 3


def of_images(kind: str) -> int:
    """Return the version of packed images of one kind of source.

    Examples
    --------
    >>> of_images("digits") == IMAGES
    True
    """
    return IMAGES_OF.get(kind, IMAGES)


def of_training(augment: float) -> int:
    """Return the version of training with a share of augmented images.

    Examples
    --------
    >>> of_training(0.0) == TRAINING
    True
    """
    return TRAINING + (AUGMENTED if augment else 0)


def all_versions() -> dict[str, int | dict[str, int]]:
    """Return every version by its name."""
    return {name: value for name, value in globals().items() if name.isupper()}
