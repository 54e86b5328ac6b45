#include "sse.h"

#include "common/payload.h"
#include "http1.h"

#include <string.h>

/* One call of load_sse_feed(). Ids stay where they are until its end: most are followed by another one. */
struct scan {
    struct load_sse *sse;
    const char *end;
    const char *next_lf, *next_cr; /* at or behind the place; `end` where there is none */
    bool has_id, has_next_id;
    struct load_bytes id, next_id;
    load_sse_on_event *on_event;
    void *arg;
};

static const char *find(const struct scan *scan, const char *at, char c)
{
    const char *found = memchr(at, c, (size_t)(scan->end - at));
    return found ? found : scan->end;
}

static const char *line_end(struct scan *scan, const char *at)
{
    if (scan->next_lf < at)
        scan->next_lf = find(scan, at, '\n');
    if (scan->next_cr < at)
        scan->next_cr = find(scan, at, '\r');
    return scan->next_lf < scan->next_cr ? scan->next_lf : scan->next_cr;
}

static void end_event(struct scan *scan)
{
    struct load_sse *sse = scan->sse;
    if (scan->has_next_id) {
        scan->has_next_id = false;
        scan->has_id = true;
        scan->id = scan->next_id;
    }
    if (sse->has_payload) {
        sse->has_payload = false;
        scan->on_event(scan->arg, sse->seq, sse->t_ns);
    }
}

/* What stands behind the name, its colon and at most one blank. */
static struct load_bytes value_of(const char *line, size_t length, size_t name_length)
{
    size_t start = name_length + 1;
    start += start < length && line[start] == ' ';
    return (struct load_bytes){ line + start, length - start };
}

static void take_line(struct scan *scan, const char *line, size_t length)
{
    struct load_sse *sse = scan->sse;
    if (length == 0) {
        end_event(scan);
    } else if (length >= 5 && memcmp(line, "data:", 5) == 0) {
        struct load_bytes value = value_of(line, length, 4);
        if (!sse->has_payload)
            sse->has_payload = bench_payload_read(value.data, value.length, &sse->seq, &sse->t_ns);
    } else if (length >= 3 && memcmp(line, "id:", 3) == 0) {
        scan->next_id = value_of(line, length, 2);
        scan->has_next_id = true;
    }
}

static void keep_line(struct load_sse *sse, const char *data, size_t length)
{
    size_t room = sizeof(sse->line) - sse->line_length;
    size_t kept = length < room ? length : room;
    memcpy(sse->line + sse->line_length, data, kept);
    sse->line_length = (uint8_t)(sse->line_length + kept);
}

static void keep_id(struct load_sse_id *id, struct load_bytes value)
{
    id->length = value.length < sizeof(id->text) ? (uint8_t)value.length : 0;
    memmove(id->text, value.data, id->length);
}

/* Behind the line break at `at`. */
static const char *after_break(struct scan *scan, const char *at)
{
    if (*at++ == '\n')
        return at;
    if (at == scan->end)
        scan->sse->is_after_cr = true;
    else if (*at == '\n')
        at++;
    return at;
}

/* Takes all lines that are complete; returns where the rest starts. */
static const char *take_lines(struct scan *scan, const char *at)
{
    struct load_sse *sse = scan->sse;
    while (at < scan->end) {
        const char *end = line_end(scan, at);
        if (end == scan->end)
            break;
        size_t length = (size_t)(end - at);
        if (sse->line_length > 0) {
            keep_line(sse, at, length);
            take_line(scan, sse->line, sse->line_length);
            sse->line_length = 0;
        } else {
            take_line(scan, at, length);
        }
        at = after_break(scan, end);
    }
    return at;
}

void load_sse_feed(struct load_sse *sse, const char *data, size_t length, load_sse_on_event *on_event,
                   void *arg)
{
    if (length == 0)
        return;
    if (sse->is_after_cr && data[0] == '\n') {
        data++;
        length--;
    }
    sse->is_after_cr = false;
    struct scan scan = { .sse = sse, .end = data + length, .on_event = on_event, .arg = arg };
    scan.next_lf = find(&scan, data, '\n');
    scan.next_cr = find(&scan, data, '\r');
    scan.has_next_id = sse->has_next_id;
    scan.next_id = (struct load_bytes){ sse->next_id.text, sse->next_id.length };
    const char *rest = take_lines(&scan, data);
    /* In this order: each may still lie where the one after it is going to be. */
    if (scan.has_id)
        keep_id(&sse->id, scan.id);
    if (scan.has_next_id)
        keep_id(&sse->next_id, scan.next_id);
    sse->has_next_id = scan.has_next_id;
    keep_line(sse, rest, (size_t)(scan.end - rest));
}

void load_sse_restart(struct load_sse *sse)
{
    struct load_sse_id id = sse->id;
    *sse = (struct load_sse){ .id = id };
}
