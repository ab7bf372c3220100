"""Versions of the numbers, by stage: raised by hand if an edit changes results, and only then.

Rules pass them to Snakemake as parameters. Raising one repeats the jobs that depend on it; other edits repeat nothing.
"""

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


def all_versions() -> dict[str, int]:
    """Return every version by its name."""
    return {name: value for name, value in globals().items() if name.isupper()}
