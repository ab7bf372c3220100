"""Denoisers -> samples of shared latents, the way of the first few, and each sample's nearest training images."""

from pathlib import Path

from hidden_gaussian import sampling
from hidden_gaussian.data import open_subset
from hidden_gaussian.denoisers import open_denoiser
from hidden_gaussian.jobs import choose_device, job_log, set_precision
from hidden_gaussian.sampling import sample_sets
from hidden_gaussian.storage import save_array, write_shard

output, count = snakemake.output, snakemake.params.samples
with job_log(snakemake.log[0]):
    set_precision()
    root = Path(snakemake.input[0]).parent
    training = open_subset(root / "images.npy", snakemake.input[1])
    latents = sampling.latents(range(count), training.shape[1:], seed=snakemake.params.seed).to(choose_device())
    for path, way_path, shard in zip(output.samples, output.trajectories, output.memorisation, strict=True):
        identifier, sampler = sample_sets.sample_id(path, root), Path(path).stem.removeprefix("samples_")
        denoiser = open_denoiser(root, identifier)
        drawn, way = sampling.draw_with_trajectories(denoiser, latents, sampler, kept=16)
        drawn = drawn.cpu().numpy()
        save_array(path, drawn)
        save_array(way_path, way.cpu().numpy())
        write_shard(shard, sample_sets.memorisation_rows(identifier, drawn, training, sampler=sampler))
