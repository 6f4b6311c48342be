"""Runs of training resume where they stopped, log every step, and never lose their state."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.training.optim import MovingAverage, Optimisers, orthogonalise
from engine.training.run import Budget, Randomness, Run, warm_cosine, warm_stable_decay


def fit(folder: Path, steps: int, stop_after: int | None = None) -> nn.Linear:
    """Fit a line to noise; every random draw comes from the run's own generator."""
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    randomness = Randomness(5, "cpu")
    optimisers = Optimisers(network.named_parameters(), 0.05, muon=lambda name, parameter: True)
    average = MovingAverage(network, 0.9)
    parts = {"network": network, "optimisers": optimisers, "average": average, "randomness": randomness}
    run = Run(folder, Budget(steps), parts, print_every=2)
    for step, fraction in run.steps():
        if step == stop_after:
            run.save()
            return network
        x = torch.randn(8, 3, generator=randomness.generator)
        loss = (network(x) - x[:, :2]).square().mean()
        loss.backward()
        run.log(loss=loss.detach(), norm=optimisers.step(warm_cosine(fraction)))
        average.update()
    average.copy_to(network)
    return network


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = fit(tmp_path / "whole", 9)
    fit(tmp_path / "parts", 9, stop_after=4)
    parts = fit(tmp_path / "parts", 9)
    assert torch.equal(whole.weight, parts.weight)
    assert torch.equal(whole.bias, parts.bias)


def test_every_step_has_its_line(tmp_path: Path) -> None:
    fit(tmp_path, 7)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(7))
    assert all(line["loss"] > 0 and line["norm"] > 0 for line in lines)


def test_a_run_killed_while_saving_keeps_its_last_state(tmp_path: Path) -> None:
    fit(tmp_path, 9, stop_after=4)
    (tmp_path / "state.part").write_bytes(b"half a file")
    network = fit(tmp_path, 9)
    assert torch.isfinite(network.weight).all()


def test_a_gradient_with_infinities_changes_nothing_at_once() -> None:
    network = nn.Linear(2, 2)
    before = network.weight.detach().clone()
    optimisers = Optimisers(network.named_parameters(), 0.1)
    (network(torch.ones(1, 2)) * float("inf")).sum().backward()
    optimisers.step(1.0)
    assert torch.equal(network.weight, before)


def test_muon_makes_updates_nearly_orthogonal() -> None:
    torch.manual_seed(1)
    for shape in ((3, 20, 8), (3, 8, 20), (2, 6, 6)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)).float())
        assert values.min() > 0.3  # the quintic ends between about 0.7 and 1.2; tiny values are still on their way
        assert values.max() < 1.4


def test_schedules_warm_up_and_come_down() -> None:
    for schedule in (warm_cosine, warm_stable_decay):
        values = [schedule(step / 100) for step in range(101)]
        assert values[0] < 0.1
        assert max(values) > 0.95
        assert values[100] == pytest.approx(0.02)


def test_a_budget_that_never_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        Budget(0)
    with pytest.raises(ValueError, match="positive time"):
        Budget(1, minutes=0)
