"""Do the patients of notebook 12 show their symptoms, and do their cures cure them? Each sick and cured, from ten seeds.

python benchmarks/clinic.py                              # about 15 minutes on one slow core
python benchmarks/clinic.py --seeds 3 --results /tmp/few.json

A seed decides the first weights, the order of the images, and whatever else is left to chance. All learn from 1,000
images of the embedded Fashion-MNIST. A patient's symptom is one number with a limit, both in `helpers.clinic`. Where the
cured program is the same for several patients, it is run once a seed. Charts are kept from seed 0 alone.
"""

import argparse
import copy
import sys
from datetime import date
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import clinic, models, results  # noqa: E402
from helpers.train import machine  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--results", type=Path, default=results.RESULTS / "clinic.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    head = {
        "command": f"python benchmarks/clinic.py --seeds {options.seeds}", "date": date.today().isoformat(),
        "source": "fashion_mnist, sample", "hardware": machine.hardware(), "torch": torch.__version__,
        "seeds": list(range(options.seeds)),
    }  # fmt: skip
    drawn, runs = charts(), []
    for seed in head["seeds"]:
        outcomes = {}
        for name, patient in clinic.PATIENTS.items():
            runs += [one_run(name, patient, state, seed, outcomes) for state in ("sick", "cured")]
        results.save(options.results, head, charts=drawn, runs=runs)
    print_table(runs)


def charts():
    """Name of a patient of the ward → its chart and that of its cured program, from seed 0."""
    both = {}
    for name in clinic.WARD:
        patient = clinic.PATIENTS[name]
        both[name] = {state: clinic.examined(getattr(patient, state)) for state in ("sick", "cured")}
    return both


def one_run(name, patient, state, seed, outcomes):
    """outcomes: program → its outcome from this seed, so that none is run twice."""
    program = getattr(patient, state)
    if program not in outcomes:
        outcomes[program] = clinic.run(program, seed)
    outcome = outcomes[program]
    outcome = outcome._replace(model=copy.deepcopy(outcome.model))  # measuring may spoil it: that is one of the faults
    torch.manual_seed(seed)
    symptom = patient.symptom(outcome)
    accuracy = clinic.measured(outcome) / 100
    print(f"{name}, {state}, seed {seed}: {symptom:.2f}; accuracy {100 * accuracy:.1f} %", flush=True)
    return {
        "case": f"{name}, {state}", "seed": seed, "symptom": round(symptom, 4), "valid_accuracy": round(accuracy, 4),
        "last_loss": round(clinic.last_loss(outcome), 4), "lr": program.lr, "epochs": program.epochs,
        "parameters": models.count_parameters(outcome.model),
    }  # fmt: skip


def print_table(runs):
    for name, patient in clinic.PATIENTS.items():
        for state in ("sick", "cured"):
            numbers = [run["symptom"] for run in results.select(runs, case=f"{name}, {state}")]
            right = sum(patient.is_sick(number) == (state == "sick") for number in numbers)
            print(f"{name}, {state}: {patient.words} {min(numbers):.2f} to {max(numbers):.2f} "
                  f"(limit {patient.limit}): {right} of {len(numbers)} as they should be")  # fmt: skip


if __name__ == "__main__":
    main()
