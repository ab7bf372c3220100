"""A denoiser -> samples of shared latents, the way of the first few, and each sample's nearest training images."""

from pathlib import Path

from hidden_gaussian import files, images, logs, samples, sampling, tables
from hidden_gaussian.denoisers import open_denoiser
from hidden_gaussian.denoisers.opening import best_device

output, wildcards, count = snakemake.output, snakemake.wildcards, snakemake.params.samples
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input[0]).parent
    training = images.open_images(root / "images.npy")[files.load_array(snakemake.input[1])]
    denoiser = open_denoiser(root, wildcards.id)
    latents = sampling.latents(range(count), training.shape[1:], seed=snakemake.params.seed).to(best_device())
    drawn, way = sampling.draw_with_trajectories(denoiser, latents, wildcards.sampler, kept=16)
    drawn = drawn.cpu().numpy()
    files.save_array(output.samples, drawn)
    files.save_array(output.trajectories, way.cpu().numpy())
    rows = samples.memorisation_rows(wildcards.id, drawn, training, sampler=wildcards.sampler)
    tables.write_shard(output.memorisation, rows)
