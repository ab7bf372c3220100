"""A sample set and those of other denoisers from the same latents -> how alike they are."""

from pathlib import Path

import pandas as pd

from hidden_gaussian import files, logs, samples, tables
from hidden_gaussian.spectrum import Spectrum

identifier, sampler = snakemake.wildcards.id, snakemake.wildcards.sampler
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.mean[0]).parents[1]
    paths = snakemake.input.partners
    partners = {samples.partner_id(path, root, sampler): samples.load(path) for path in paths}
    mean = files.load_one(snakemake.input.mean[0], "mean")
    drawn = samples.load(snakemake.input.samples)
    rows = samples.agreement_rows(identifier, drawn, partners, mean, sampler=sampler)
    spectra = {f"{Path(path).parent.name}/gaussian": Spectrum.load(path) for path in snakemake.input.spectra}
    if len(spectra) > 1:
        rows = pd.concat([rows, samples.expected_rows(identifier, spectra, mean, sampler)], ignore_index=True)
    tables.write_shard(snakemake.output.agreement, rows)
