"""A lab on several processes: who learns from which image of a batch."""

from helpers import checks, pixels
from helpers.widgets.lab import Lab, check_images, slider

COLOURS = (
    (213, 94, 0), (0, 90, 160), (0, 130, 100), (150, 60, 130), (120, 110, 0), (70, 70, 70), (200, 40, 70), (60, 140, 200),
)  # fmt: skip


def processes_lab(images, machines=1, each=2, columns=8, zoom=2):
    """Choose machines and processes, and see which process gets which image of a batch.

    images: uint8 (N, C, H, W), one batch.  Every image gets a frame in its process's colour and the
    process's number, its rank, above it, and where there are several machines, which of them it is on;
    below stands the line that starts them all.
    """
    check_images(images)
    for what, value, most in [("machines", machines, 4), ("each", each, 8)]:
        checks.whole(what, value, 1, most)
    painted = [pixels.picture(image, zoom) for image in images]

    def draw(**state):
        nodes, per_node = state["machines"], state["processes each"]
        world = nodes * per_node
        panels = [pixels.framed(panel, COLOURS[i % world % len(COLOURS)]) for i, panel in enumerate(painted)]
        least, extra = divmod(len(images), world)
        shares = f"{least} or {least + 1}" if extra else f"{least}"
        line = pixels.table(line_that_starts(nodes, per_node).splitlines())
        ranks = [i % world for i in range(len(images))]
        captions = [f"machine {rank // per_node}\nrank {rank}" if nodes > 1 else f"rank {rank}" for rank in ranks]
        batch = pixels.rows(panels, captions, columns, pixels.text_width("machine 0"))  # so that nothing jumps
        start = f"--nnodes {nodes} --nproc-per-node {per_node}"
        words = f"{world} process{'es' * (world > 1)} ({start}): each learns from {shares} of {len(images)} images"
        return pixels.column([batch, line]), words

    controls = {"machines": slider("machines", 1, 4, machines), "processes each": slider("processes each", 1, 8, each)}
    twin = [{"machines": m, "processes each": p} for m, p in [(1, 1), (1, 2), (2, 3)]]
    return Lab(draw, controls, twin)


def line_that_starts(machines, each):
    """What to type on each of the machines, in two lines."""
    meeting = (
        "--rdzv-backend c10d --rdzv-endpoint HOST:29500" if machines > 1 else "--standalone --local-addr localhost"
    )
    return f"torchrun --nnodes {machines} --nproc-per-node {each} \\\n    {meeting} -m helpers.train …"
