"""Names beside the ends of lines."""

LEAST_GAP_SHARE = 0.055


def at_line_ends(axes, ends):
    """`ends`: (name, colour, x, y, is_bold). Names that would lie upon each other are moved apart."""
    lowest, highest = axes.get_ylim()
    gap = LEAST_GAP_SHARE * (highest - lowest)
    ends = sorted(ends, key=lambda end: end[3])
    places = spread_out([end[3] for end in ends], gap)
    for (name, colour, x, y, is_bold), place in zip(ends, places):
        axes.annotate(name, (x, y), xytext=(10, 0), textcoords="offset points", va="center", color=colour,
                      fontweight="bold" if is_bold else "normal", annotation_clip=False).set_y(0)
        axes.texts[-1].xyann = (10, _points(axes, place) - _points(axes, y))


def spread_out(values, gap):
    """Rising values, moved as little as need be so that neighbours are at least `gap` apart."""
    groups = [[value, 1] for value in values]  # the middle of a group, and how many it holds
    index = 0
    while index + 1 < len(groups):
        (low, low_count), (high, high_count) = groups[index], groups[index + 1]
        if high - low >= gap * (low_count + high_count) / 2:
            index += 1
            continue
        count = low_count + high_count
        groups[index:index + 2] = [[(low * low_count + high * high_count) / count, count]]
        index = max(0, index - 1)
    return [middle + gap * (place - (count - 1) / 2) for middle, count in groups for place in range(count)]


def _points(axes, y):
    """A height of the axes in points."""
    return axes.transData.transform((1, y))[1] * 72 / axes.figure.dpi
