"""What is made of the runs: medians with their spread, and ratios of runs of the same round."""

import statistics
from dataclasses import dataclass


@dataclass
class Spread:
    median: float
    lowest: float
    highest: float
    count: int


def spread_of(values):
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values), len(values)) if values else None


class Runs:
    """The records of a results.json, to be asked."""

    def __init__(self, records):
        self.records = records

    def works(self):
        return sorted({record["work"] for record in self.records})

    def cases(self, work):
        """In the order in which they were run."""
        return list(dict.fromkeys(record["case"] for record in self.records
                                  if record["work"] == work and "figures" in record))

    def systems(self, work, case=None):
        return list(dict.fromkeys(record["system"] for record in self.records
                                  if record["work"] == work and case in (None, record["case"])))

    def of(self, work, case, system):
        return [record for record in self.records
                if (record["work"], record["case"], record["system"]) == (work, case, system)]

    def values(self, work, case, system, figure):
        """The figure by round, of the runs that have it."""
        return {record["round"]: record["figures"][figure] for record in self.of(work, case, system)
                if figure in record.get("figures", {})}

    def spread(self, work, case, system, figure):
        return spread_of(self.values(work, case, system, figure).values())

    def median(self, work, case, system, figure):
        spread = self.spread(work, case, system, figure)
        return spread.median if spread else None

    def overall_median(self, figure):
        """Over all runs of all work."""
        spread = spread_of(record["figures"][figure] for record in self.records if figure in record.get("figures", {}))
        return spread.median if spread else None

    def ratio(self, work, case, figure, system, other, other_case=None):
        """Of one system's figure to another's, round by round; of two cases when the other one is named."""
        return self.ratio_of((work, case, system, figure), (work, other_case or case, other, figure))

    def ratio_of(self, above, below):
        above, below = self.values(*above), self.values(*below)
        return spread_of(above[number] / below[number] for number in above if below.get(number))

    def best(self, work, case, figure, systems):
        """Of these systems the one with the highest median."""
        medians = {system: self.median(work, case, system, figure) for system in systems}
        medians = {system: median for system, median in medians.items() if median is not None}
        return max(medians, key=medians.get) if medians else None

    def buckets(self, work, case, system):
        """The latencies of all runs together."""
        counts = {}
        for record in self.of(work, case, system):
            for upper, count in record.get("buckets", []):
                counts[upper] = counts.get(upper, 0) + count
        return sorted([upper, count] for upper, count in counts.items())

    def troubles(self, work):
        """Lines about runs that failed or were not as they should be: each once, with how many runs it was so in."""
        seen = {}
        for record in self.records:
            if record["work"] != work:
                continue
            problems = [f"failed: {record['failed']}"] if "failed" in record else record["problems"]
            for problem in problems:
                seen.setdefault((record["case"], record["system"], _kind(problem)), []).append(problem)
        return [f"{system}, {case}: {problems[0]}" + (f" (in {len(problems)} runs alike)" if len(problems) > 1 else "")
                for (case, system, _), problems in seen.items()]


def _kind(problem):
    """Problems that differ in numbers only are the same."""
    return "".join(character for character in problem if not character.isdigit())
