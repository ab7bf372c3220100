"""Versions of the numbers, by stage: raised by hand when an edit would change results, and only then.

Rules hand them to Snakemake as parameters, so raising one makes exactly what depends on it again; a comment reruns
nothing.
"""

IMAGES = 1
SUBSETS = 1
SPECTRUM = 2
REFERENCES = 1
TRAINING = 3
AUTOENCODERS = 1
IMPORT = 1
SAMPLING = 3
SAMPLES = 1
AGREEMENT = 1
MOMENTS = 2
SPLICES = 1
SAMPLER_ERROR = 1
MEASURES = 5
DISTILLATION = 3
JACOBIAN = 1
ESTIMATES = 5
CLAIMS = 3
FIGURES = 4
EXPLORER = 1
