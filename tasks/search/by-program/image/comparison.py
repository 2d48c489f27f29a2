"""The comparison of two variants, as the container and the Spark job make it: the same arithmetic as ../clicks.ts."""

from math import sqrt

SHOWN = 20
Z = 1.959963984540054  # The 97.5 % point of the normal distribution.


def fnv1a(text):
    """FNV-1a, 32 bits, of the text in UTF-8 (draft-eastlake-fnv)."""
    value = 0x811C9DC5
    for byte in to_utf8(text):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def to_utf8(text):
    """Bytes of the text; half of a surrogate pair becomes U+FFFD, as in JavaScript."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def side_of(address, agent):
    return "a" if fnv1a(f"{address}\n{agent}") % 2 == 0 else "b"


def compare(sides):
    """The difference of two proportions with Newcombe's interval (Statistics in Medicine 17, 1998, method 10)."""
    a, b = (dict(sides[name], rate=rate(sides[name])) for name in ("a", "b"))
    if a["rate"] is None or b["rate"] is None:
        return {"a": a, "b": b, "difference": None, "low": None, "high": None}
    low_a, high_a = wilson(a["followed"], a["views"])
    low_b, high_b = wilson(b["followed"], b["views"])
    difference = b["rate"] - a["rate"]
    low = difference - length(b["rate"] - low_b, high_a - a["rate"])
    high = difference + length(high_b - b["rate"], a["rate"] - low_a)
    return {"a": a, "b": b, "difference": difference, "low": low, "high": high}


def rate(side):
    return side["followed"] / side["views"] if side["views"] else None


def length(x, y):
    # Only operations that IEEE 754 rounds in one way, so that the results of all languages are equal.
    return sqrt(x * x + y * y)


def wilson(successes, trials):
    """Wilson's 95 % interval of a proportion (JASA 22, 1927)."""
    p = successes / trials
    square = Z * Z
    middle = p + square / (2 * trials)
    width = Z * sqrt((p * (1 - p)) / trials + square / (4 * trials * trials))
    scale = 1 + square / trials
    return (middle - width) / scale, (middle + width) / scale
