"""torchvision's models and transforms work whatever build of torch they stand beside."""

from __future__ import annotations

import torch

from sirstgen.training.torchvision_compat import import_torchvision


def test_transforms_treat_image_and_mask_together() -> None:
    v2 = import_torchvision("transforms.v2")
    tv_tensors = import_torchvision("tv_tensors")
    image = torch.arange(12.0).reshape(1, 3, 4)
    flipped, mask = v2.RandomHorizontalFlip(p=1.0)(tv_tensors.Image(image), tv_tensors.Mask(image > 5))
    assert torch.equal(flipped, image.flip(-1))
    assert torch.equal(mask, (image > 5).flip(-1))


def test_importing_twice_gives_the_same_module() -> None:
    assert import_torchvision() is import_torchvision()
    assert import_torchvision("models").resnet18(weights=None).fc.out_features == 1000
