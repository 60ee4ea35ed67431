"""What to do where targets find no place, by the reason why."""

from __future__ import annotations

WAYS_OUT = {
    "no room": "ask for smaller or fewer targets (classes, spot, targets_per_image) or for larger images",
    "off image": "ask for smaller targets (classes, spot) or for larger images",
    "fragmented mask": "lower mask_level or ask for longer targets (classes)",
    "saturated": "ask for a lower scr or give darker backgrounds",
    "no sky": "give backgrounds that show sky, or classes that belong elsewhere (classes.<name>.where)",
    "no water": "give backgrounds that show water, or classes that belong elsewhere (classes.<name>.where)",
    "no ground": "give backgrounds that show ground, or classes that belong elsewhere (classes.<name>.where)",
    "flat clutter": "give backgrounds with more structure, or a larger clutter_region",
    "invisible contrast": "ask for a higher scr, lower quality.min_contrast or give backgrounds with more structure",
}
