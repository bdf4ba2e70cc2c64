"""The patients of notebook 12: what was measured of them, the loop that they share, and each symptom where it is quick to see."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import clinic, models, results
from helpers.clinic import PATIENTS, Outcome, Program

ONE = {"epochs": 1}


@pytest.fixture(scope="module")
def kept():
    return results.load("clinic")


def shortened(program, **changed):
    return dataclasses.replace(program, **ONE | changed)


# ---- what was measured ---------------------------------------------------------------------


@pytest.mark.parametrize("name", PATIENTS)
def test_ten_of_ten_sick_programs_show_their_symptom_and_ten_of_ten_cured_ones_do_not(kept, name):
    for state in ("sick", "cured"):
        runs = results.select(kept["runs"], case=f"{name}, {state}")
        assert [run["seed"] for run in runs] == list(range(10))
        assert [PATIENTS[name].is_sick(run["symptom"]) for run in runs] == [state == "sick"] * 10


def test_the_ward_has_eight_patients_with_a_chart_each(kept):
    assert list(kept["charts"]) == clinic.WARD
    assert len(clinic.WARD) == 8
    for both in kept["charts"].values():
        for chart in both.values():
            assert len(chart["losses"]) in (40, 120)
            assert len(chart["one_batch"]) == 20


def test_a_kept_run_can_be_run_again(kept):
    (run,) = (run for run in results.select(kept["runs"], case="learning rate 10, sick") if run["seed"] == 0)
    outcome = clinic.run(PATIENTS["learning rate 10"].sick, seed=0)
    assert PATIENTS["learning rate 10"].is_sick(clinic.last_loss(outcome))
    assert models.count_parameters(outcome.model) == run["parameters"] == 9_098


# ---- the loop ------------------------------------------------------------------------------


@pytest.mark.parametrize("clears", [True, False])
def test_the_loop_is_the_plain_one(clears):
    outcome = clinic.run(dataclasses.replace(shortened(Program()), clears=clears), seed=3)
    task = clinic.clothes()
    torch.manual_seed(3)
    model, x = clinic.small_network(), clinic.once(task.images)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for batch in torch.randperm(1_000).split(50):
        loss = F.cross_entropy(model(x[batch]), task.labels[batch])
        if clears:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert outcome.losses == pytest.approx(losses, abs=1e-5)
    assert [len(steps) for steps in outcome.norms.values()] == [20] * 3


def test_a_seed_decides_everything():
    first, again, other = (clinic.run(shortened(PATIENTS["shuffled labels"].sick), seed) for seed in (1, 1, 2))
    assert first.losses == again.losses != other.losses
    assert torch.equal(first.labels, again.labels) and not torch.equal(first.labels, other.labels)


def test_one_batch_is_twenty_images_a_hundred_times():
    outcome = clinic.run(Program(), one_batch=True)
    assert len(outcome.losses) == 100
    assert outcome.losses[-1] < 0.1
    assert clinic.accuracy(outcome.model, outcome.x[:20], outcome.labels[:20]) == 1


@pytest.mark.parametrize("bad", [{"program": 3}, {"program": Program}, {"seed": -1}, {"seed": 0.5}, {"one_batch": 1}])
def test_what_cannot_be_run_is_refused_by_name(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"{name} must be"):
        clinic.run(**{"program": Program(), **bad})
    with pytest.raises(ValueError, match="classes must be a whole number from 2"):
        clinic.small_network(1)


# ---- the faults ----------------------------------------------------------------------------


def test_no_patient_is_its_own_cure_and_the_tasks_do_not_overlap():
    for name, patient in PATIENTS.items():
        assert patient.sick != patient.cured, name
        task = patient.cured.task()
        assert clinic.among(task.valid_images, task.images) == clinic.among(task.new_images, task.images) == 0
    leaked = PATIENTS["leaked images"].sick.task()
    assert clinic.among(leaked.valid_images, leaked.images) == 500
    assert clinic.among(leaked.new_images, leaked.images) == 0
    assert len(leaked.images) == 1_000


@pytest.mark.parametrize("name", ["pixels from 0 to 255", "normalised twice", "dead ReLUs"])
def test_a_symptom_that_shows_in_the_first_epoch(name):
    patient = PATIENTS[name]
    assert patient.is_sick(patient.symptom(clinic.run(shortened(patient.sick))))
    assert not patient.is_sick(patient.symptom(clinic.run(shortened(patient.cured))))


def test_softmax_twice_cannot_cost_less_than_the_limit():
    sure = torch.full((1, 10), -1000.0)
    sure[0, 4] = 1000.0
    least = PATIENTS["softmax twice"].sick.loss(sure, torch.tensor([4])).item()
    assert least == pytest.approx(math.log(math.e + 9) - 1)
    assert least > PATIENTS["softmax twice"].limit


def test_a_missing_eval_shows_in_the_answers_or_spoils_the_network():
    for name in ("no eval(), dropout", "no eval(), batch norm"):
        patient = PATIENTS[name]
        sick = clinic.run(shortened(patient.sick))
        cured = sick._replace(program=patient.cured)
        before = {key: value.clone() for key, value in sick.model.state_dict().items()}
        assert patient.symptom(cured) == 0
        assert all(torch.equal(value, before[key]) for key, value in sick.model.state_dict().items())
        assert patient.symptom(sick) != 0


def test_mirroring_keeps_the_images_and_turns_about_half_of_them():
    task = clinic.toes()
    x = clinic.once(task.images)
    torch.manual_seed(0)
    turned = clinic.mirrored(x)
    kept, flipped = ((turned == same).flatten(1).all(dim=1) for same in (x, x.flip(-1)))
    assert (kept | flipped).all()
    assert 0.4 < flipped.double().mean() < 0.6
    assert task.labels[:4].tolist() == [0, 1, 0, 1]


# ---- symptoms, by hand ---------------------------------------------------------------------


def outcome_of(losses, norms=None):
    x = torch.zeros(4, 1, 2, 2)
    return Outcome(Program(), clinic.clothes(), nn.Identity(), x, torch.zeros(4), losses, norms or {})


def test_losses_are_means_and_nan_counts_as_ninety_nine():
    falling = [float(n) for n in range(30, 0, -1)]
    assert clinic.first_loss(outcome_of(falling)) == 30
    assert clinic.last_loss(outcome_of(falling)) == clinic.lowest_loss(outcome_of(falling)) == 10.5
    assert clinic.lowest_loss(outcome_of([1.0] * 20 + [5.0] * 20)) == 1
    assert clinic.last_loss(outcome_of([1.0] * 25 + [math.nan])) == clinic.last_loss(outcome_of([1e9] * 20)) == 99


def test_growth_compares_the_length_of_the_whole_gradient():
    norms = {"a": [3.0] + [6.0] * 20, "b": [4.0] + [8.0] * 20}
    assert clinic.growth(outcome_of([1.0] * 21, norms)) == pytest.approx(2)
    assert clinic.growth(outcome_of([1.0] * 21, {"a": [0.0] * 21})) == 0


def test_the_baseline_takes_the_nearest_mean():
    x = torch.tensor([0.0, 2.0, 10.0, 14.0]).reshape(4, 1, 1, 1)
    new = torch.tensor([6.0, 7.0]).reshape(2, 1, 1, 1)
    assert clinic.nearest_mean(x, torch.tensor([0, 0, 1, 1]), new, 2).tolist() == [0, 1]


def test_equal_images_are_counted_whatever_their_place():
    images = torch.arange(12, dtype=torch.uint8).reshape(3, 1, 2, 2)
    assert clinic.among(torch.cat([images[2:], images[2:], images[:1] + 1]), images) == 2


def test_the_first_inputs_are_what_the_network_gets():
    painted, labels = clinic.first_inputs(Program())
    task = clinic.clothes()
    assert (painted.int() - task.images[:6].int()).abs().max() <= 1
    assert labels == [task.classes[label] for label in task.labels[:6]]
    white, _ = clinic.first_inputs(PATIENTS["pixels from 0 to 255"].sick)
    assert set(white[task.images[:6] > 2].tolist()) == {255}
    assert clinic.first_inputs(PATIENTS["shuffled labels"].sick)[1] != labels
