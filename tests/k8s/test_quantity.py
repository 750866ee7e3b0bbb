"""Quantities as Kubernetes writes them."""

from __future__ import annotations

import pytest

from k8s.quantity import amount


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("1", 1.0),
        ("1500m", 1.5),
        ("100n", 1e-7),
        ("2Gi", 2 * 2**30),
        ("4039400Ki", 4039400 * 1024),
        ("1G", 1e9),
        ("1e3", 1000.0),
        ("12E", 12e18),
    ],
)
def test_a_quantity_is_a_number_of_cores_or_bytes(quantity: str, number: float) -> None:
    assert amount(quantity) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "lots", "1GiB"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        amount(text)
