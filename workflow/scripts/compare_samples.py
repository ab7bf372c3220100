"""A sample set and those of other denoisers from the same latents -> how alike they are."""

from pathlib import Path

import pandas as pd

from hidden_gaussian.jobs import job_log
from hidden_gaussian.sampling import sample_sets
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import load_one, write_shard

identifier, sampler = snakemake.wildcards.id, snakemake.wildcards.sampler
with job_log(snakemake.log[0]):
    root = Path(snakemake.input.mean[0]).parents[1]
    paths = snakemake.input.partners
    partners = {sample_sets.partner_id(path, root, sampler): sample_sets.load(path) for path in paths}
    mean = load_one(snakemake.input.mean[0], "mean")
    drawn = sample_sets.load(snakemake.input.samples)
    rows = sample_sets.agreement_rows(identifier, drawn, partners, mean, sampler=sampler)
    spectra = {f"{Path(path).parent.name}/gaussian": Spectrum.load(path) for path in snakemake.input.spectra}
    if len(spectra) > 1:
        rows = pd.concat([rows, sample_sets.expected_rows(identifier, spectra, mean, sampler)], ignore_index=True)
    write_shard(snakemake.output.agreement, rows)
