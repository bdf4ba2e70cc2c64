"""Runs of less than a second: a tiny network and a few images, for the tests of training."""

import dataclasses
import functools

import torch
from torch import nn

from helpers import data, models, train


def first(images, count):
    """The first so many images of an `ImageSet`."""
    return dataclasses.replace(images, images=images.images[:count], labels=images.labels[:count])


@functools.cache
def images(count, split="train", name="fashion_mnist"):
    return first(data.load(name, split, source="sample"), count)


def network(seed=0, dropout=0.0, activation=nn.ReLU):
    """A tiny network; dropout: its random masks must be the same ones in a run that was stopped."""
    torch.manual_seed(seed)
    model = models.small_cnn(width=2)
    model.base[0][2] = activation()
    if dropout:
        model.head.insert(2, nn.Dropout(dropout))
    return model


def fit(model, sets=None, **changed):
    """Two epochs of four steps, if nothing is changed."""
    settings = {"epochs": 2, "batch_size": 25, "lr": 0.02, "device": "cpu"}
    return train.fit(model, *(sets or (images(100), images(50, "valid"))), **settings | changed)


def weights(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def stop_at(model, step):
    """Press Stop in this step of training, counted from 1; never for 0.  A hook is no part of what a run is known by."""
    left = step

    def watch(*_):
        nonlocal left
        if torch.is_grad_enabled():
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    model.register_forward_pre_hook(watch)
    return model
