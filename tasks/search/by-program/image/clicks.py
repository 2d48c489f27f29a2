"""Counts the clicks of a day: clicks.py VISITS.jsonl.gz CLICKS.json. Needs Python 3.9 and nothing else."""

import gzip
import json
import os
import sys
from collections import Counter

from comparison import SHOWN, compare, side_of, to_utf8


def read_visitors(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["kind"] == "visitor":
                yield entry


def count_clicks(visitors):
    viewed, followed = Counter(), Counter()
    sides = {name: {"visitors": 0, "views": 0, "followed": 0} for name in ("a", "b")}
    for visitor in visitors:
        side = sides[side_of(visitor["address"], visitor["agent"])]
        side["visitors"] += 1
        for views in (session["views"] for session in visitor["sessions"]):
            side["views"] += len(views)
            side["followed"] += max(0, len(views) - 1)
            viewed.update(views)
            followed.update(views[:-1])
    shown = sorted(viewed, key=lambda path: (-viewed[path], to_utf8(path)))[:SHOWN]
    pages = [{"path": path, "views": viewed[path], "followed": followed[path]} for path in shown]
    return {"clickThrough": pages, "variants": compare(sides)}


def tell(event):
    """Appends a line that Sluice reads; without Sluice the program runs as well."""
    if "SLUICE_EVENTS" in os.environ:
        with open(os.environ["SLUICE_EVENTS"], "a") as events:
            print(json.dumps(event), file=events)


if __name__ == "__main__":
    source, target = sys.argv[1:]
    clicks = count_clicks(read_visitors(source))
    with open(target, "w", encoding="utf-8") as file:
        json.dump(clicks, file)
    tell({"progress": {"done": 1, "total": 1, "text": f"{len(clicks['clickThrough'])} pages"}})
