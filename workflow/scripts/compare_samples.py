"""A sample set and those of other denoisers from the same latents -> how alike they are."""

from pathlib import Path

from hidden_gaussian import files, logs, samples, tables
from hidden_gaussian.spectrum import Spectrum

with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input.mean[0]).parents[1]
    partners = {samples.sample_id(path, root): files.load_array(path) for path in snakemake.input.partners}
    rows = samples.agreement_rows(
        snakemake.wildcards.id,
        files.load_array(snakemake.input.samples),
        partners,
        Spectrum.load(snakemake.input.mean[0]).mean,
        sampler=snakemake.wildcards.sampler,
    )
    tables.write_shard(snakemake.output.agreement, rows)
