"""Which image is of which platform."""

from __future__ import annotations

import pytest

from holdfast.engines.docker.platform import fits

HERE = {"Os": "linux", "Architecture": "amd64"}
BOARD = {"Os": "linux", "Architecture": "arm", "Variant": "v6"}
PHONE = {"Os": "linux", "Architecture": "arm64"}


@pytest.mark.parametrize(
    ("image", "fitting", "unfitting"),
    [
        (
            HERE,
            [None, "linux/amd64", "linux", "amd64", "Linux/x86_64", "linux/amd64/v1"],
            ["linux/arm64", "windows/amd64", "linux/amd64/v3"],
        ),
        (BOARD, ["linux/arm", "linux/arm/v6", "armel"], ["linux/arm/v7", "armhf"]),
        (PHONE, ["linux/arm64", "linux/arm64/v8", "aarch64"], ["linux/arm", "linux/arm64/v9"]),
        ({}, ["linux/s390x"], []),
    ],
)
def test_an_image_is_of_its_platform_and_of_no_other(image: dict[str, str], fitting: list[str | None], unfitting: list[str]) -> None:
    assert [each for each in fitting if not fits(image, each)] == []
    assert [each for each in unfitting if fits(image, each)] == []
