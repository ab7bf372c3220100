"""Versions of the numbers, by stage: raised by hand when an edit would change results, and only then.

Rules hand them to Snakemake as parameters, so raising one makes exactly what depends on it again; a comment reruns
nothing.
"""

IMAGES = 1
SUBSETS = 1
SPECTRUM = 1
TRAINING = 1
SAMPLING = 1
SAMPLES = 1
MEASURES = 1
DISTILLATION = 1
ESTIMATES = 1
CLAIMS = 1
FIGURES = 1
