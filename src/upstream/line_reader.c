/* Lines. One that lies whole in a block is passed on where it lies. */
#include "line_reader.h"

#include <string.h>

enum { KEPT_BYTES = 8 * 1024 }; /* memory above this is given back once a large line is done */

void tg_line_reader_deinit(struct tg_line_reader *reader)
{
    tg_buffer_deinit(&reader->line);
}

static void drop(struct tg_line_reader *reader, bool is_oversize)
{
    tg_buffer_deinit(&reader->line);
    reader->is_passed_over = true;
    reader->on_dropped(reader->arg, is_oversize);
}

/* Part of a line, with more of it to come; that may be a CR, which does not count. */
static void keep(struct tg_line_reader *reader, struct tg_str part)
{
    size_t length = reader->line.length + part.length;

    if (reader->is_passed_over)
        return;
    if (length > reader->max_bytes && length - reader->max_bytes > strlen("\r"))
        drop(reader, true);
    else if (tg_buffer_append(&reader->line, part.data, part.length) < 0)
        drop(reader, false);
}

static void give(struct tg_line_reader *reader, struct tg_str line)
{
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    if (line.length > reader->max_bytes)
        drop(reader, true);
    else if (line.length > 0)
        reader->on_line(reader->arg, line);
}

static void end_line(struct tg_line_reader *reader, struct tg_str part)
{
    if (reader->line.length == 0 && !reader->is_passed_over) {
        give(reader, part);
    } else {
        keep(reader, part);
        if (!reader->is_passed_over)
            give(reader, (struct tg_str){ reader->line.data, reader->line.length });
    }
    if (reader->line.capacity > KEPT_BYTES)
        tg_buffer_deinit(&reader->line);
    tg_buffer_clear(&reader->line);
    reader->is_passed_over = false;
}

void tg_line_reader_feed(struct tg_line_reader *reader, const char *bytes, size_t length)
{
    const char *end = bytes + length;

    while (bytes < end) {
        const char *line_feed = memchr(bytes, '\n', (size_t)(end - bytes));
        if (!line_feed) {
            keep(reader, (struct tg_str){ bytes, (size_t)(end - bytes) });
            return;
        }
        reader->has_line_end = true;
        end_line(reader, (struct tg_str){ bytes, (size_t)(line_feed - bytes) });
        bytes = line_feed + 1;
    }
}

void tg_line_reader_finish(struct tg_line_reader *reader)
{
    end_line(reader, TG_STR(""));
}
