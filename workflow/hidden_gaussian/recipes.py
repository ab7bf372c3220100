"""Versions of the numbers, by stage: raised by hand when an edit would change results, and only then.

Rules hand them to Snakemake as parameters, so raising one makes exactly what depends on it again; a comment reruns
nothing.
"""

IMAGES = 1
SUBSETS = 1
SPECTRUM = 1
TRAINING = 1
AUTOENCODERS = 1
IMPORT = 1
SAMPLING = 2
SAMPLES = 1
MEASURES = 2
DISTILLATION = 2
ESTIMATES = 2
CLAIMS = 2
FIGURES = 2
