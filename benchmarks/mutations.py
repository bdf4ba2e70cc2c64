"""Do the unit tests bite? Break the helpers in one small place at a time, and see whether a test notices.

python benchmarks/mutations.py                # all of them: half an hour on two cores
python benchmarks/mutations.py train pictures # some areas

Each mutation is made in a copy of the course, where only the tests of its area run, until the first
fails. Prints a table; ends with 1 where a mutation survives, or no longer fits the code.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 2


class Mutation(NamedTuple):
    """file: in helpers/, or from there.  old, new: what stands there once, and what is put in its place.  means: in words."""

    file: str
    old: str
    new: str
    means: str


TESTS = {  # the areas, and the tests that guard each
    "train": "test_train test_convolution test_checkpoints test_identity test_optimizers test_precision test_recipes",
    "recipes": "test_recipes test_models test_optimizers test_results",
    "augment": "test_augment test_recipes",
    "pictures": "test_pictures",
    "labs": "test_pictures test_states",
    "inside": "test_inside",
    "clinic": "test_clinic",
    "folders": "test_folders",
    "site": "test_site",
    "arithmetic": "test_arithmetic test_models",
    "graders": "test_exercises test_comparing test_networks test_running",
    "data": "test_data test_download",
}
MUTATIONS = {
    "train": [
        Mutation("train/loop.py", "label_smoothing=settings.label_smoothing", "label_smoothing=0.0", "label smoothing is ignored"),
        Mutation("train/loop.py", "1 - step / steps if falling else 1.0", "1.0", '"falling" stays constant'),
        Mutation("train/loop.py", "cycle_momentum=False", "cycle_momentum=True", "one-cycle moves the momentum"),
        Mutation("train/loop.py", "seed * 10_000 + epoch", "seed * 10_000", "each epoch has the same order"),
        Mutation("train/loop.py", "settings.lr, settings.weight_decay, ", "settings.lr, 0.01, ", "weight decay is not handed on"),
        Mutation("train/loop.py", "seed + 1_000_003 * epoch", "seed", "augmentation draws the same in each epoch"),
        Mutation("train/loop.py", "_are_numbers(train_loss, valid_loss, *model.parameters())",
                 "_are_numbers(train_loss)", "a network that blew up in its last step passes"),
        Mutation("train/loop.py", "                model.load_state_dict(good_weights)\n", "", "the ruined weights stay"),
        Mutation("train/loop.py", "            good_weights = copy.deepcopy(model.state_dict())\n", "", "good weights are those of the start"),
        Mutation("train/loop.py", "optimizer.zero_grad(set_to_none=True)", "pass", "gradients add up"),
        Mutation("train/loop.py", "scheduler.get_last_lr()[0]", "settings.lr", "the history has the highest rate"),
        Mutation("train/loop.py", "_augmented(settings.augment, images[batch], epoch, batch)", "images[batch]", "images are not augmented"),
        Mutation("train/loop.py", "        bar.close()\n        model.eval()\n", "        bar.close()\n", "the model stays in training mode"),
        Mutation("train/loop.py", "augment(x, epoch, numbers)", "augment(x, 0, numbers)", "each epoch mirrors the same images"),
        Mutation("train/evaluation.py", "(answered(model, x) + answered(model, x.flip(-1))) / 2", "answered(model, x)", "the mirror image is not asked"),
        Mutation("train/evaluation.py", "/ 2 + sum(shifted) / 4", "/ 3 + sum(shifted) / 3", "shifted views weigh as much as the others"),
        Mutation("train/convolution.py", "rows[:, :, :, width] = 0", "rows[:, :, :, width] = 1", "no zeros stand between maps"),
        Mutation("train/convolution.py", "        and torch.float64 not in (x.dtype, kernels.dtype)  # which autocast leaves as it is\n", "",
                 "64 bits are rounded to bf16"),
        Mutation("train/evaluation.py", "            module.training = mode", "            module.train()", "modes are not restored"),
        Mutation("train/evaluation.py", "sub_(offset)", "sub_(0 * offset)", "the mean is not taken away"),
        Mutation("train/checkpoints.py", "if seal != SEAL + hashlib.sha256(content).hexdigest().encode():", "if False:",
                 "a flipped byte is accepted"),
        Mutation("train/checkpoints.py", "    if differ:", "    if False:", "another run's checkpoint is taken up"),
        Mutation("train/checkpoints.py", 'vars(history).update(saved["history"])', "pass", "the history is lost in a resumed run"),
        Mutation("train/identity.py", "_number_of([(code.co_code,", "str([(0,", "two lambdas are one function"),
        Mutation("train/machine.py", 'return "amx_bf16" in flags or', "return", "AMX is not used"),
    ],
    "recipes": [
        Mutation("train/optimizers.py", "ahead = kernels.grad + group[\"momentum\"] * state[\"mean\"]", "ahead = state[\"mean\"]", "Muon without Nesterov"),
        Mutation("train/optimizers.py", "rest_lr=lr / 12", "rest_lr=lr", "Muon's rest learns twelve times too fast"),
        Mutation("train/optimizers.py", "kernels.mul_(len(kernels) ** 0.5 / kernels.norm())", "pass", "Muon lets layers grow"),
        Mutation("train/optimizers.py", "1 - group[\"lr\"] * group[\"weight_decay\"]", "1.0", "Muon's rest does not decay"),
        Mutation("train/optimizers.py", "momentum=0.9, weight_decay", "momentum=0.0, weight_decay", "SGD without momentum"),
        Mutation("train/recipes.py", "if self.whiten:", "if False:", "the stem is not whitened"),
        Mutation("train/recipes.py", "torch.manual_seed(checks.whole(\"seed\", seed, 0, LARGEST_SEED))", "pass", "the seed of the weights is ignored"),
        Mutation("models.py", "torch.cat([kernels, -kernels])", "torch.cat([kernels, kernels])", "both signs of the stem are one"),
        Mutation("models.py", "    nn.init.dirac_(layer.weight[: min(in_channels, out_channels)])\n", "", "no kernel hands its input on"),
        Mutation("models.py", "momentum=0.6", "momentum=0.1", "batch norm follows slowly"),
        Mutation("results.py", "100 * rung.valid.mean >= target", "100 * rung.valid.mean > 0", "the quickest recipe is taken, whatever it reaches"),
        Mutation("results.py", "100 * rung.valid.mean >= target", "100 * rung.test.mean >= target", "the test set chooses"),
    ],
    "augment": [
        Mutation("augment.py", "images.flip(-1), images)", "images, images)", "a flip does nothing"),
        Mutation("augment.py", "images.flip(-1), images)", "images.flip(-2), images)", "a flip is upside down"),
        Mutation("augment.py", "(numbers + epoch) % 2 == 1", "numbers % 2 == 1", "the same images are mirrored in each epoch"),
        Mutation("augment.py", 'mode=FILLS[fill]', 'mode="constant"', "the gap of a reflected shift is black"),
        Mutation("augment.py", "return images.masked_fill(square, 0)", "return images", "cutout does nothing"),
        Mutation("augment.py", "- size // 2", "- 0", "cutout never reaches over the upper border"),
        Mutation("augment.py", "top, left = torch.randint(0, 2 * most + 1, (2, count), device=images.device)",
                 "top = left = torch.randint(0, 2 * most + 1, (count,), device=images.device)", "shifts are diagonal"),
        Mutation("augment.py", "rot90(quarter, (2, 3))", "rot90(2, (2, 3))", "every turn is a half turn"),
        Mutation("augment.py", "x = grey + saturation * (x - grey)", "pass", "saturation stays"),
    ],
    "pictures": [
        Mutation("pixels.py", "full = np.where(shares[..., None] > 0, ORANGE, BLUE)", "full = np.where(shares[..., None] > 0, BLUE, ORANGE)",
                 "orange and blue are swapped"),
        Mutation("pixels.py", "r >= rows - dropped[0] or c >= columns - dropped[1]", "r >= rows - dropped[0]", "dropped columns are not struck out"),
        Mutation("pixels.py", "fill=ORANGE if i == marked else BLUE", "fill=BLUE", "the right class is not marked"),
        Mutation("pixels.py", 'words.replace("-", MINUS) if float(words) else', "words.replace('-', MINUS) if True else", "there is a minus zero"),
        Mutation("widgets/layers.py", "filled[position + 1 :] = torch.nan", "pass", "the map is full before the window has been there"),
        Mutation("widgets/layers.py", "detected = F.relu(values - threshold)", "detected = F.relu(values)", "the threshold does nothing"),
        Mutation("widgets/answers.py", "answered = sureness >= threshold / 100", "answered = sureness >= 0", "all images are answered"),
        Mutation("widgets/sizes.py", 'for what in ("value", "max")]', 'for what in ("max",)]', "Play moves nothing"),
        Mutation("widgets/training.py", "manual_seed(seed + number)", "manual_seed(seed)", "all draws are one"),
        Mutation("widgets/training.py", "result = values * kept / (1 - p)", "result = values * kept", "dropout does not scale"),
        Mutation("plots.py", "            plt.close(figure)\n", "            pass\n", "figures stay open"),
        Mutation("widgets/live.py", "{{display: none}}", "{{display: block}}", "the twin stands beside the live lab"),
    ],
    "labs": [
        Mutation("widgets/lab.py", "            if follower not in leave:\n", "            if True:\n", "a control that follows cannot be set"),
        Mutation("widgets/lab.py", "self.controls[limited].max = highest(self.state)", "pass", "a slider's end does not move"),
        Mutation("widgets/lab.py", "                self._put(before)\n", "                pass\n", "after a bad value others have moved"),
        Mutation("widgets/live.py", "html.escape(words)", "words", "words of a state are taken for html"),
        Mutation("widgets/states.py", "if len(states) == MOST_STATES:", "if False:", "any number of states is written down"),
        Mutation("widgets/states.py", "return {name: value, **lab.follow.get(name, lambda _: {})(value)}", "return {name: value}", "on a page nothing follows"),
        Mutation("widgets/states.py", "highest = lab.most[name]({**lab.first, **state}) if name in lab.most else control.max", "highest = control.max", "on a page each slider has the same end"),
        Mutation("widgets/states.py", "if value in lab.page.get(name, values)]", "]", "a page has all stops"),
        Mutation("widgets/states.py", "mtime=0", "mtime=None", "the same states give other bytes"),
        Mutation("widgets/lab.py", "        with torch.random.fork_rng(devices=[]):", "        if True:", "a slider takes random numbers from the notebook"),
        Mutation("widgets/lab.py", "leave=[later for later, _ in moves[number:]]", "leave=[]", "what follows a move undoes a later one"),
        Mutation("panels.py", "if (array[..., :1] == array).all():", "if True:", "pixels lose their colours"),
    ],
    "inside": [
        Mutation("inside.py", "down.start + row * down.jump", "row * down.jump", "a field leaves padding out"),
        Mutation("inside.py", "return F.relu((weights * maps).sum(dim=1))", "return (weights * maps).sum(dim=1)", "Grad-CAM below 0"),
        Mutation("inside.py", "gradients.mean(dim=(2, 3), keepdim=True)", "gradients.amax(dim=(2, 3), keepdim=True)", "Grad-CAM weighs by the largest gradient"),
        Mutation("inside.py", "gradients.abs().amax(dim=1)", "gradients.amax(dim=1)", "saliency forgets what speaks against"),
        Mutation("inside.py", "(shares[0] - shares[1:])", "(shares[1:] - shares[0])", "occlusion has the other sign"),
        Mutation("inside.py", "min(max(0, n - size // 2), most - size)", "n - size // 2", "a square sticks out"),
        Mutation("inside.py", "changed = copy.deepcopy(checks.module(\"model\", model))", "changed = checks.module(\"model\", model)", "the learner's own network is randomised"),
    ],
    "clinic": [
        Mutation("clinic.py", "        if program.clears:\n            optimizer", "        if True:\n            optimizer", "zero_grad is never forgotten"),
        Mutation("clinic.py", "F.cross_entropy(logits.softmax(dim=1), labels)", "F.cross_entropy(logits, labels)", "softmax is not there twice"),
        Mutation("clinic.py", "labels[torch.randperm(len(labels))]", "labels", "labels are not shuffled"),
        Mutation("clinic.py", "return images.float()  # 0 to 255", "return images.float() / 255  #", "pixels are scaled after all"),
        Mutation("clinic.py", "return UNBOUNDED if math.isnan(loss) else", "return", "a loss of NaN counts as small"),
    ],
    "folders": [
        Mutation("widgets/own_images.py", "        self._waiting = []\n        return", "        return", "an image is saved for each name of a class"),
        Mutation("data/folders.py", "(image.width - side) / 2, (image.height - side) / 2", "0, 0", "the corner is cut out, not the middle"),
        Mutation("data/folders.py", "        image = image.transpose(turn)\n", "        pass\n", "what a camera says of the turn is ignored"),
        Mutation("data/folders.py", "            if pixels in seen:", "            if False:", "an image can be in two splits"),
        Mutation("data/folders.py", 'Image.new("RGBA", image.size, WHITE)', 'Image.new("RGBA", image.size)', "what is transparent becomes black"),
        Mutation("data/folders.py", "factor = 1 / 257 if is_16_bits", "factor = 1 if is_16_bits", "16 bits overflow"),
        Mutation("data/folders.py", '"valid": order[count : 2 * count]', '"valid": order[:count]', "validation images are the test images"),
        Mutation("data/folders.py", "tuple(value or 1.0 for value in std)", "std", "a black channel is divided by 0"),
    ],
    "site": [
        Mutation("../site/build.py", "if tag[what] not in files:", "if False:", "a page may ask another host"),
        Mutation("../site/build.py", "        if weight.first > FIRST_LOAD:", "        if False:", "a page of any weight is built"),
        Mutation("../site/build.py", 'yield f"a link to nowhere', 'f"a link to nowhere', "links to nowhere pass"),
        Mutation("../site/build.py", "            target.rename(Path(folder, \"old\"))\n", "            pass\n", "a second build fails"),
        Mutation("../site/build.py", "    _raise(faults)\n    pages", "    pages", "faults are found and not told"),
    ],
    "arithmetic": [
        Mutation("arithmetic.py", "(n + 2 * padding - reach) // stride + 1", "-(-(n + 2 * padding - reach) // stride) + 1", "sizes are rounded up"),
        Mutation("arithmetic.py", "(kernel * window)", "(kernel.flip(-1) * window)", "the kernel is mirrored"),
        Mutation("arithmetic.py", "column * stride, f)", "column, f)", "the window steps by 1 to the right"),
        Mutation("arithmetic.py", "size=field.size + (window.reach - 1) * field.jump", "size=field.size + (window.reach - 1)", "the field forgets the jump"),
        Mutation("arithmetic.py", "start=field.start - window.before * field.jump", "start=field.start", "the field forgets the padding"),
        Mutation("arithmetic.py", "window.mean(dim=(1, 2))", "window.amin(dim=(1, 2))", "average pooling takes the minimum"),
    ],
    "graders": [
        Mutation("exercises/comparing.py", "math.isclose(got, right, rel_tol=max(tolerance, unit), abs_tol=tolerance / 10)",
                 "math.isclose(got, right, rel_tol=0.01)", "fractions are compared loosely"),
        Mutation("exercises/comparing.py", "return got == right or bool(", "return abs(got - right) <= 1 or bool(", "off by one is right"),
        Mutation("exercises/comparing.py", "DIGITS = 3", "DIGITS = 1", "an answer of one digit is right"),
        Mutation("exercises/grading.py", "if difference(after, before", "if False and difference(after, before", "an answer may change its input"),
        Mutation("exercises/networks.py", "[*network.parameters(), *buffers]", "[p for p in network.parameters() if p.requires_grad]", "frozen weights do not count"),
        Mutation("exercises/networks.py", "_noise(16, *shape)[:, 0], flat, -flat]", "_noise(16, *shape)[:, 0]]", "a global maximum passes for a ReLU"),
        Mutation("exercises/pooling.py", "if networks.is_linear_between_convolutions", "if False and networks.is_linear_between_convolutions",
                 "two convolutions without ReLU between them pass"),
        Mutation("exercises/hyperparameters.py", "    networks.check_ending(network, *INPUT)\n", "", "probabilities pass for logits"),
        Mutation("exercises/dropout.py", "if not torch.is_grad_enabled():", "if False:", "an answer may leave gradients switched off"),
        Mutation("exercises/convolution.py", "2 * falling * (1 - 1e-4)", "2 * falling", "rounding decides whether an edge is strong enough"),
        Mutation("exercises/relu_detection.py", "-0.5, 400.0]", "-0.5, 4.0]", "a ReLU that cuts off at 6 passes"),
    ],
    "data": [
        Mutation("data/sets.py", "is_valid if split == \"valid\" else ~is_valid", "is_valid", "training and validation images are the same"),
        Mutation("data/sets.py", "VALID_SEED = 0", "VALID_SEED = 1", "the split is another one"),
    ],
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(TESTS)}; default: all")
    areas = parser.parse_args().areas or list(MUTATIONS)
    chosen = [(area, mutation) for area in areas for mutation in MUTATIONS[area]]
    print("| area | mutation | noticed by |\n|---|---|---|")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = list(pool.map(lambda one: told(*one), chosen))
    survived = sum(verdict is not True for verdict in verdicts)
    print(f"\n{len(chosen)} mutations, {survived} survived")
    return 1 if survived else 0


def told(area, mutation):
    """Print a row of the table; True where a test noticed the mutation."""
    noticed, words = tried(area, mutation)
    print(f"| {area} | {mutation.means} | {words} |", flush=True)
    return noticed


def left_out(folder, names):
    """What a copy of the course can do without; "data" only where the full sets lie."""
    return {"__pycache__"} | ({".venv", ".git", "data"} if Path(folder) == ROOT else set())


def tried(area, mutation):
    """(whether a test noticed, its name or what happened)."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(ROOT, Path(folder) / "copy", ignore=left_out)
        file = copy / "helpers" / mutation.file
        code = file.read_text(encoding="utf-8")
        found = code.count(mutation.old)
        if found != 1:
            return False, f"**does not fit**: {mutation.old!r} stands {found} times in {mutation.file}"
        file.write_text(code.replace(mutation.old, mutation.new), encoding="utf-8")
        tests = [f"tests/{name}.py" for name in TESTS[area].split()]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests], cwd=copy,
            env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        )  # fmt: skip
    failed = [line.split(" ")[1] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode == 1 and failed:
        return True, f"`{failed[0].removeprefix('tests/').split('[')[0]}`"
    return False, "**survived**" if done.returncode == 0 else f"**pytest ended with {done.returncode}**"


if __name__ == "__main__":
    sys.exit(main())
