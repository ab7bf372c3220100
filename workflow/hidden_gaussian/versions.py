"""Versions of the numbers, by stage: raised by hand when an edit would change results, and only then.

Rules hand them to Snakemake as parameters, so raising one makes exactly what depends on it again; a comment reruns
nothing.
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
