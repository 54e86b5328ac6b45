#include "marks.h"

#include <string.h>
#include <utlist.h>

static uint32_t *count_at(struct load_marks *marks, uint64_t seq)
{
    return &marks->counts[seq % LOAD_MARKS_RING];
}

/* The least must not be above it. */
static void enter(struct load_marks *marks, struct load_mark *mark)
{
    mark->is_outside = mark->seq - marks->least >= LOAD_MARKS_RING;
    if (mark->is_outside) {
        if (marks->outside++ == 0 || mark->seq < marks->outside_least)
            marks->outside_least = mark->seq;
        return;
    }
    marks->in_ring++;
    ++*count_at(marks, mark->seq);
    if (mark->seq > marks->highest)
        marks->highest = mark->seq;
}

static void leave(struct load_marks *marks, const struct load_mark *mark)
{
    if (mark->is_outside) {
        marks->outside--;
        return;
    }
    marks->in_ring--;
    --*count_at(marks, mark->seq);
}

static void lay_anew(struct load_marks *marks)
{
    struct load_mark *mark;
    memset(marks->counts, 0, sizeof(marks->counts));
    marks->in_ring = marks->outside = 0;
    marks->least = UINT64_MAX;
    DL_FOREACH(marks->list, mark)
    {
        if (mark->seq < marks->least)
            marks->least = mark->seq;
    }
    marks->highest = marks->least;
    DL_FOREACH(marks->list, mark)
    {
        enter(marks, mark);
    }
}

/* Moves the least on to where somebody stands. */
static void settle(struct load_marks *marks)
{
    while (marks->in_ring > 0 && *count_at(marks, marks->least) == 0) {
        if (marks->outside > 0 && marks->least >= marks->outside_least)
            break;
        marks->least++;
    }
    if (marks->outside > 0 && (marks->in_ring == 0 || marks->least >= marks->outside_least))
        lay_anew(marks);
}

/* A mark that stands below the least, or the only one. */
static void lower(struct load_marks *marks, uint64_t seq)
{
    if (marks->in_ring + marks->outside == 0)
        marks->least = marks->highest = seq;
    if (seq < marks->least && marks->highest - seq < LOAD_MARKS_RING)
        marks->least = seq;
}

void load_marks_put(struct load_marks *marks, struct load_mark *mark, uint64_t seq)
{
    if (mark->is_in)
        leave(marks, mark);
    else
        DL_APPEND(marks->list, mark);
    mark->is_in = true;
    mark->seq = seq;
    lower(marks, seq);
    if (seq < marks->least) {
        lay_anew(marks);
        return;
    }
    enter(marks, mark);
    settle(marks);
}

void load_marks_remove(struct load_marks *marks, struct load_mark *mark)
{
    if (!mark->is_in)
        return;
    leave(marks, mark);
    DL_DELETE(marks->list, mark);
    mark->is_in = false;
    settle(marks);
}

uint64_t load_marks_least(const struct load_marks *marks)
{
    return marks->list ? marks->least : UINT64_MAX;
}
