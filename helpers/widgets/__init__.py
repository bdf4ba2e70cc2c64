"""The sliders. Each function returns one `Lab`: controls, and a picture that follows them."""

from helpers.widgets.answers import best_rung, budget_lab, loss_lab, probability_lab, shift_lab, threshold_lab
from helpers.widgets.inside import field_lab, maps_lab
from helpers.widgets.lab import Lab, slider
from helpers.widgets.layers import kernel_lab, parallel_lab, pool_lab, relu_lab, window_lab
from helpers.widgets.own_images import camera, upload
from helpers.widgets.processes import processes_lab
from helpers.widgets.sizes import padding_lab, shapes_lab, size_lab
from helpers.widgets.training import dropout_lab, gallery_lab, network_lab
from helpers.widgets.trust import paste, paste_lab
from helpers.widgets.ward import ward_lab

__all__ = [
    "Lab", "best_rung", "budget_lab", "camera", "dropout_lab", "field_lab", "gallery_lab", "kernel_lab", "loss_lab",
    "maps_lab", "network_lab", "padding_lab", "parallel_lab", "paste", "paste_lab", "pool_lab", "probability_lab",
    "processes_lab", "relu_lab", "shapes_lab", "shift_lab", "size_lab", "slider", "threshold_lab", "upload",
    "ward_lab", "window_lab",
]  # fmt: skip
