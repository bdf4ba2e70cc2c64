"""The files in which a lab reaches its page: see the head of player.js, which reads them."""

import base64
import gzip
import json

SPLIT, MOST = 500_000, 3_000_000  # characters of one file; of all files of a lab


def packed(lab, name):
    """A lab's description (one of "labs" in notebooks/labs/*.json.gz) as file name → text of the file.

    name: of the first file, without its ".js".  Raises ValueError for a lab of more than 3 MB.
    """
    whole = _script(lab["id"], lab)
    files = {f"{name}.js": whole} if len(whole) <= SPLIT else _in_parts(lab, name)
    weight = sum(map(len, files.values()))
    if weight > MOST:
        controls = ", ".join(control["name"] for control in lab["controls"])
        raise ValueError(
            f"lab {name} ({controls}) packs to {weight / 1e6:.1f} MB, and {MOST / 1e6:.0f} MB is the most: "
            "name fewer values of its controls for the page"
        )
    return files


def _in_parts(lab, name):
    values, children = lab["tree"]
    trees, parts = zip(*(_part(lab, child) for child in children))
    head = {what: lab[what] for what in lab if what not in ("states", "frames", "pieces")}
    files = {f"{name}.js": _script(lab["id"], head | {"tree": [values, trees], "parts": len(parts)})}
    for number, part in enumerate(parts):
        files[f"{name}-part{number}.js"] = _script(lab["id"], part, number)
    return files


def _part(lab, tree):
    """The tree below one value of the first control, and all that its states need, numbered from 0."""
    states, frames, pieces = {}, {}, {}  # number in the lab → number in the part

    def numbered(known, number):
        return known.setdefault(number, len(known))

    def renumber(node):
        return [node[0], [renumber(child) for child in node[1]]] if isinstance(node, list) else numbered(states, node)

    tree = renumber(tree)
    their_states = [lab["states"][number] for number in states]
    return tree, {
        "states": [[numbered(frames, frame), words] for frame, words in their_states],
        "frames": [[numbered(pieces, piece) for piece in lab["frames"][number]] for number in frames],
        "pieces": [lab["pieces"][number] for number in pieces],
    }


def _script(*arguments):
    """A call of the player's `cnnLab`: the second of its arguments packed, the others as they are."""
    lab_id, data, *number = arguments
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    content = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return f"cnnLab({', '.join(map(json.dumps, [lab_id, content, *number]))});\n"
