"""Numbers as people read them: a few digits and a unit."""

OBJECTIVE_UNITS = {"energy": "J", "latency": "s", "edp": "J s"}


def seconds(value_s: float | None) -> str:
    """`1.23 s`, `45.6 ms`, `7.89 us`; a dash for None."""
    return _scaled(value_s, "s", ((1.0, ""), (1e-3, "m"), (1e-6, "u")))


def joules(value_j: float | None) -> str:
    """`1.23 J`, `45.6 mJ`; a dash for None."""
    return _scaled(value_j, "J", ((1.0, ""), (1e-3, "m"), (1e-6, "u")))


def bytes_of(value: float | None) -> str:
    """`245 MB`, `3.4 kB`; a dash for None."""
    return _scaled(value, "B", ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")))


def hertz(value_hz: float | None) -> str:
    """`2265.6 MHz`; a dash for None."""
    return "-" if value_hz is None else f"{value_hz / 1e6:.4g} MHz"


def ratio(value: float | None) -> str:
    """Three digits; a dash for None."""
    return "-" if value is None else f"{value:.3g}"


def percent(change: float) -> str:
    """A relative change: `12 %`, `0.57 %`, `61 times` from tenfold on."""
    if abs(change) >= 10:
        return f"{abs(change) + 1:.3g} times"
    digits = 2 if abs(change) < 0.1 else 3
    return f"{100 * change:.{digits}g} %"


def _scaled(value: float | None, unit: str, scales: tuple[tuple[float, str], ...]) -> str:
    if value is None:
        return "-"
    for scale, prefix in scales:
        if abs(value) >= scale:
            return f"{digits(value / scale)} {prefix}{unit}"
    scale, prefix = scales[-1]
    return f"{digits(value / scale)} {prefix}{unit}" if value else f"0 {unit}"


def digits(value: float) -> str:
    """Three significant digits without an exponent where it can be helped."""
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
