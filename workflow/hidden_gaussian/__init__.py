"""When does a diffusion denoiser behave like the Gaussian denoiser of its training set, and when does it memorise?

The library knows nothing of Snakemake: every function can be called from a notebook.
"""
