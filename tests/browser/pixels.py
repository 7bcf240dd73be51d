"""What is on a screenshot: how much of it is saturated, and how much has one colour."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page


def pixels(shown: Page | Locator) -> NDArray[np.int16]:
    """Red, green and blue of a screenshot, shape (height, width, 3)."""
    with Image.open(io.BytesIO(shown.screenshot())) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int16)


def saturated(picture: NDArray[np.int16]) -> float:
    """Share of pixels with a saturation (of hue, saturation, value) above 0.35."""
    most, least = picture.max(axis=2), picture.min(axis=2)
    return float(np.mean((most - least) > 0.35 * np.maximum(most, 1)))


def of_colour(picture: NDArray[np.int16], colour: str, within: int = 6) -> int:
    """Number of pixels that have a colour ``#rrggbb`` but for a few steps in each channel."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture - wanted).max(axis=2) <= within).sum())
