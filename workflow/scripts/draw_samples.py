"""Denoisers -> samples from shared latents, trajectories of the first few, and their nearest training images."""

from hidden_gaussian.jobs import job_log, set_precision
from hidden_gaussian.sampling import draw_samples
from hidden_gaussian.storage import save_array, write_shard

output, params = snakemake.output, snakemake.params
with job_log(snakemake.log[0]):
    set_precision()
    paths = zip(output.samples, output.trajectories, output.memorisation, strict=True)
    for (identifier, sampler), (samples, trajectories, memorisation) in zip(params.sets, paths, strict=True):
        drawn = draw_samples(params.root, identifier, sampler, count=params.samples, seed=params.seed)
        save_array(samples, drawn.samples)
        save_array(trajectories, drawn.trajectories)
        write_shard(memorisation, drawn.memorisation)
