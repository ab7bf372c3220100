"""Denoisers -> samples of shared latents, the way of the first few, and each sample's nearest training images."""

from pathlib import Path

from hidden_gaussian import files, images, logs, samples, sampling, tables
from hidden_gaussian.denoisers import open_denoiser
from hidden_gaussian.denoisers.opening import best_device

output, count = snakemake.output, snakemake.params.samples
with logs.job_log(snakemake.log[0]):
    root = Path(snakemake.input[0]).parent
    training = images.open_subset(root / "images.npy", snakemake.input[1])
    latents = sampling.latents(range(count), training.shape[1:], seed=snakemake.params.seed).to(best_device())
    for path, way_path, shard in zip(output.samples, output.trajectories, output.memorisation, strict=True):
        identifier, sampler = samples.sample_id(path, root), Path(path).stem.removeprefix("samples_")
        denoiser = open_denoiser(root, identifier)
        drawn, way = sampling.draw_with_trajectories(denoiser, latents, sampler, kept=16)
        drawn = drawn.cpu().numpy()
        files.save_array(path, drawn)
        files.save_array(way_path, way.cpu().numpy())
        tables.write_shard(shard, samples.memorisation_rows(identifier, drawn, training, sampler=sampler))
