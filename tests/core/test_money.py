from app.core.money import allocate, cents, yuan


def test_yuan_keeps_two_decimals() -> None:
    assert yuan(13905) == "139.05"
    assert yuan(-5) == "-0.05"


def test_cents_rounds_half_up() -> None:
    assert cents("139.505") == 13951


def test_allocated_parts_add_up() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert sum(allocate(4999, [26800, 8900, 4900])) == 4999
