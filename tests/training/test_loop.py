"""The training loop against Adam and averages written out, and its errors for losses that are not finite."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from hidden_gaussian import networks
from hidden_gaussian.errors import InputError
from hidden_gaussian.jobs.distributed import ALONE, Team
from hidden_gaussian.networks.dropout import Dropout
from hidden_gaussian.training import batches, checkpoints, loop, losses
from hidden_gaussian.training.state import TrainingState
from toy_images import PIXELS
from toy_training import NETWORK, SIDE, Gain, assert_same, recipe, run, small_network


def dropouts(network):
    return [module for module in network.modules() if isinstance(module, Dropout)]


@pytest.mark.parametrize("rampup", [0.05, None])
def test_training_equals_adam_and_the_average_written_out(rampup):
    settings = recipe(augment=0, x_flip=False, ema_rampup=rampup)
    state = TrainingState.start(Gain())
    run(state, settings, 20 * 8)
    weight = average = np.float64(np.float32(0.3))
    first = second = 0.0
    for step in range(20):
        batch = batches.draw(PIXELS, step, settings, 3, torch.device("cpu"))
        clean, noise = batch.clean.double().numpy(), batch.noise.double().numpy()
        sigma = batch.sigma.double().numpy()[:, None, None, None]
        noisy = clean + sigma * noise
        gradient = ((sigma**2 + 0.25) / (0.5 * sigma) ** 2 * 2 * (weight * noisy - clean) * noisy).sum() / 8
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        rate = 1e-2 * min(8 * step / 64, 1)
        moment, scale = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.999 ** (step + 1))
        weight -= rate * moment / (np.sqrt(scale) + 1e-8)
        half_life = 100 if rampup is None else min(100, rampup * 8 * step)
        keep = 0.5 ** (8 / half_life) if half_life else 0
        average = keep * average + (1 - keep) * weight
    assert state.network.weight.item() == pytest.approx(weight, rel=1e-5)
    assert state.ema.weight.item() == pytest.approx(average, rel=1e-5)
    assert abs(weight - 0.3) > 0.02
    assert abs(weight - average) > 1e-4


def test_training_finds_the_wiener_gain():
    """Images of variance v at one noise level: the best gain is v / (v + sigma^2)."""
    pixels = np.random.default_rng(1).integers(0, 256, (256, 1, 8, 8), dtype=np.uint8)
    variance = np.mean((pixels / 127.5 - 1) ** 2)
    settings = recipe(batch=64, p_mean=np.log(0.5), p_std=1e-6, warmup=0, learning_rate=5e-3, augment=0)
    state = TrainingState.start(Gain())
    run(state, settings, 300 * 64, pixels)
    assert state.ema.weight.item() == pytest.approx(variance / (variance + 0.25), abs=0.01)


def test_the_curve_has_mean_losses_per_pixel():
    settings = recipe(augment=0, learning_rate=1e-30, warmup=0)
    state = TrainingState.start(Gain())
    steps = run(state, settings, 120 * 8)
    means = []
    for step in range(120):
        batch = batches.draw(PIXELS, step, settings, 3, torch.device("cpu"))
        means.append(losses.edm_loss(Gain(), batch, 0.5).mean().item() / SIDE**2)
    log = state.log()
    assert [point.images_seen for point in log] == [50 * 8, 100 * 8, 120 * 8]
    expected = [np.mean(means[:50]), np.mean(means[50:100]), np.mean(means[100:])]
    assert [point.loss for point in log] == pytest.approx(expected, rel=1e-5)
    assert [step.images_seen for step in steps if step.loss is not None] == [50 * 8, 100 * 8]


def totals(part=None, team=ALONE):
    """The gradients of one step with dropout, and its loss."""
    state = TrainingState.start(small_network())
    layers = len(dropouts(state.network))
    cpu, share = torch.device("cpu"), team.share(8)
    batch = batches.draw(PIXELS, 0, recipe(), 3, cpu, share=share, layers=layers)
    loop._gradients(state, batch, recipe(microbatch=part), losses.EDM, ALONE, lambda: False)
    return state.totals


def test_microbatches_and_shares_give_the_same_gradient():
    whole = totals()
    assert whole[:-1].abs().max() > 0.1
    shares = sum(totals(part=1, team=Team(rank, 4)) for rank in range(4))
    for cut in (totals(part=2), totals(part=1), shares):
        torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-5)


def test_dropout_flips_and_augmentation_change_the_loss():
    states = [TrainingState.start(small_network()) for _ in range(3)]
    for state, changes in zip(states, ({}, {"x_flip": False}, {"augment": 0}), strict=True):
        run(state, recipe(**changes), 24)
    calm = TrainingState.start(small_network())
    for layer in dropouts(calm.network):
        layer.probability = 0.0
    run(calm, recipe(), 24)
    losses = {state.log()[-1].loss for state in (*states, calm)}
    assert len(losses) == 4


def test_training_leaves_the_global_generator_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    run(TrainingState.start(small_network()), recipe(), 16)
    assert torch.equal(torch.rand(3), expected)


class Deserted(Team):
    """The other processes have ended."""

    def all_reduce_(self, totals):
        raise ConnectionError


@pytest.mark.parametrize("architecture", ["ve", "dae-skip"])
@pytest.mark.parametrize(("team", "checks"), [(ALONE, 3), (Deserted(0, 2), 2)])
def test_a_stopped_step_leaves_no_trace(architecture, team, checks):
    options = {"resolution": SIDE, "channels": 1, "scale": 4, "seed": 1, **NETWORK.model_dump()}
    settings = recipe(augment=0, microbatch=2)
    states = [TrainingState.start(networks.build(architecture, **options)) for _ in range(2)]
    whole, cut = states
    run(whole, settings, 24)
    before, left = copy.deepcopy(cut.network.state_dict()), []
    for last in range(1, checks + 1):
        calls = iter(range(last, 0, -1))
        steps = loop.train(
            cut, PIXELS, settings, until=24, seed=3, team=team, stopped=lambda calls=calls: next(calls) == 1
        )
        assert list(steps) == []
        left.append(next(calls, None))
        assert all(torch.equal(before[name], tensor) for name, tensor in cut.network.state_dict().items())
        assert cut.images_seen == 0
        assert not cut.log()
    assert left == [None] * checks
    run(cut, settings, 24)
    assert_same(whole, cut)


class Poisoned(Gain):
    """Its loss is NaN from the fifth step on."""

    calls = 0

    def forward(self, noisy, sigma, augment_labels=None):
        self.calls += 1
        return super().forward(noisy, sigma) + (torch.nan if self.calls > 4 else 0)


@pytest.mark.fault("the loss is not finite", "training ends with step and learning rate; the last good state is kept")
def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_last_good_state(tmp_path):
    state, path = TrainingState.start(Poisoned()), tmp_path / "state.safetensors"
    settings = recipe(augment=0)
    run(state, settings, 4 * 8)
    checkpoints.save_state(path, state, {})
    good = path.read_bytes()
    with pytest.raises(InputError, match=r"nan at step 5 \(images_seen 40, learning rate 0.005\)"):
        run(state, settings, 100 * 8)
    with pytest.raises(InputError, match="step 5"):
        checkpoints.save_state(path, state, {})
    assert path.read_bytes() == good


class Spiked(Gain):
    """Its loss is finite, its first gradient infinite, or NaN if the factor is 0."""

    def __init__(self, factor):
        super().__init__()
        self.other, self.factor = nn.Parameter(torch.tensor(0.0)), factor

    def forward(self, noisy, sigma, augment_labels=None):
        return super().forward(noisy, sigma) + self.other.sqrt() * self.factor


class Large(Gain):
    """It allocates more memory than any machine has."""

    def forward(self, noisy, sigma, augment_labels=None):
        return super().forward(noisy, sigma) + torch.empty(10**15)


@pytest.mark.fault("a batch too large for the memory", "one sentence that names the setting")
@pytest.mark.parametrize(("network", "batch"), [(Gain, 10**15), (Large, 8)])
def test_a_batch_that_does_not_fit_memory_is_one_sentence(network, batch):
    with pytest.raises(
        InputError, match=f"training.batch: {batch} images .* set a smaller training.microbatch"
    ) as caught:
        run(TrainingState.start(network()), recipe(augment=0, batch=batch), batch)
    assert "\n" not in str(caught.value)


def test_other_errors_of_torch_are_not_reported_as_lack_of_memory():
    state = TrainingState.start(Gain())
    state.network.forward = lambda *_: torch.ones(2) @ torch.ones(3)
    with pytest.raises(RuntimeError, match="size"):
        run(state, recipe(augment=0), 8)


@pytest.mark.parametrize(("factor", "used"), [(0, 0), (1, 1e5), (-1, 1e5)])
def test_a_gradient_that_is_not_finite_is_cleaned(factor, used):
    state = TrainingState.start(Spiked(factor))
    run(state, recipe(augment=0, warmup=0), 8)
    assert state.network.weight.item() != pytest.approx(0.3, abs=1e-4)
    assert state.network.other.abs().item() == pytest.approx(1e-2 if used else 0, rel=1e-3)  # one step of Adam
    square = state.moments["exp_avg_sq"].max().sqrt().item() / 1e-3**0.5
    assert square == pytest.approx(used, rel=1e-3) if used else square < 1e4


@pytest.fixture
def tf32_flags():
    """The backends with the flag, which is restored afterwards."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    yield backends
    for backend, allowed in zip(backends, before, strict=True):
        backend.allow_tf32 = allowed


class Recorded(Gain):
    """It records the precision of products."""

    def forward(self, noisy, sigma, augment_labels=None):
        backends = torch.backends.cuda.matmul, torch.backends.cudnn
        self.precision = (noisy[0, 0] @ noisy[0, 0]).dtype, {backend.allow_tf32 for backend in backends}
        return super().forward(noisy, sigma)


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_the_network_computes_in_the_precision_of_the_settings_and_flags_are_restored(
    precision, allowed, tf32_flags, monkeypatch
):
    for backend in tf32_flags:
        backend.allow_tf32 = allowed
    monkeypatch.setattr(loop, "_precisions", lambda _: {precision})
    state = TrainingState.start(Recorded())
    run(state, recipe(augment=0, precision=precision), 8)
    expected = torch.bfloat16 if precision == "bf16" else torch.float32
    assert state.network.precision == (expected, {precision == "tf32"})
    assert [backend.allow_tf32 for backend in tf32_flags] == [allowed, allowed]


def test_a_state_with_more_images_seen_is_refused():
    state = TrainingState.start(Gain())
    run(state, recipe(augment=0), 16)
    with pytest.raises(InputError, match="the state has 16; expected at most 8"):
        run(state, recipe(augment=0), 8)


@pytest.mark.parametrize(
    ("changes", "until", "named"),
    [
        ({}, 12, "whole batches"),
        ({}, 8, "augment_dim to 9"),
        ({"augment": 0, "precision": "bf16"}, 8, "training.precision: bf16"),
        ({"augment": 0, "precision": "tf32"}, 8, "training.precision: tf32"),
    ],
)
def test_impossible_settings_are_refused(changes, until, named, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    with pytest.raises(InputError, match=named):
        run(TrainingState.start(Gain()), recipe(**changes), until)
