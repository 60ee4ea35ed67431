"""A scene decided by hand: two targets at exact places and SCR over one built-in background.

python examples/custom_scene.py [FOLDER]
"""

import sys
from pathlib import Path

import cv2

from sirstgen import BackgroundCrop, ImagePlan, TargetPlan, open_backgrounds, render


def main(folder: str = "custom-scene") -> None:
    """Render one plan, write image and mask, and print what was measured in them."""
    source = open_backgrounds()
    background = source.background("cloud", 2)
    plan = ImagePlan(
        background=BackgroundCrop(background.id, crop=(0, 0, 256, 256)),
        scene="cloud",
        blur_sigma=0.5,
        targets=(
            TargetPlan("spot", position=(80.25, 60.5), scr=4.0, sigma=(1.6, 1.1), angle=30),
            TargetPlan("extended", position=(170.0, 140.0), scr=5.0, template="plane/01", length=18, angle=-12),
        ),
    )
    sample = render(plan, source.pixels(background, plan.bit_depth))
    out = Path(folder)
    out.mkdir(exist_ok=True)
    cv2.imwrite(str(out / "image.png"), sample.image)
    cv2.imwrite(str(out / "mask.png"), sample.mask)
    for target in sample.targets:
        print(f"{target.plan.kind}: centre {target.center}, {target.area} px, SCR {target.scr:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
