"""A network and other denoisers -> samples for which one of these replaces it at some noise levels, measured."""

from itertools import chain
from pathlib import Path

from hidden_gaussian import sampling
from hidden_gaussian.denoisers import open_denoiser
from hidden_gaussian.jobs import choose_device, job_log, set_precision
from hidden_gaussian.sampling import Standard, splicing
from hidden_gaussian.spectrum import Spectrum
from hidden_gaussian.storage import write_shard

params, identifier, sampler = snakemake.params, snakemake.wildcards.id, snakemake.wildcards.sampler
with job_log(snakemake.log[0]):
    set_precision()
    root, subset = Path(snakemake.input.subset).parents[1], identifier.split("/")[0]
    standard = Standard.open(root, subset, params.largest, params.inputs)
    network = open_denoiser(root, identifier)
    insides = {kind: open_denoiser(root, f"{subset}/{kind}") for kind in ("gaussian", "empirical")}
    insides |= {"linear": open_denoiser(root, f"{identifier}/linear")} if snakemake.input.linear else {}
    latents = sampling.latents(range(params.samples), standard.training.shape[1:], seed=params.seed).to(choose_device())
    way = list(sampling.trajectory(network, latents, sampler))
    sets = splicing.spliced(network, insides, way, sampler, params.ends)
    started = splicing.teleported(network, insides["gaussian"], latents, sampler)
    mean = Spectrum.load(snakemake.input.largest).mean
    rows = splicing.shard(identifier, chain(sets, started), way[-1], standard, mean, sampler)
    write_shard(snakemake.output.splice, rows)
