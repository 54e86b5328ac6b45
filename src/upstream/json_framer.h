/* JSON texts of an answer that goes on and on, wherever its lines end. Finds how far each one reaches, and no more: whether
 * it is JSON is for the translator to say. Pure.
 *
 *     json      {"a":1}{"a":2} 3 …            one after the other, with white space, line ends or commas between, or nothing
 *     json-seq  RS {"a":1} LF RS 2 LF …       RFC 7464; what is broken reaches to the next RS (0x1e)
 *     array     [ {"a":1}, {"a":2}, …         the elements of an array that grows; when it ends, the next one may begin
 *
 * A text is passed on as soon as it is whole, without waiting for what follows; a number at the first byte after it. */
#ifndef TIDEGATE_UPSTREAM_JSON_FRAMER_H
#define TIDEGATE_UPSTREAM_JSON_FRAMER_H

#include "tidegate/config.h"

enum { TG_JSON_FRAMER_SKIPPED_MAX = 64 * 1024 * 1024 };

enum tg_json_framer_state { /* internal */
                            TG_JSON_BETWEEN,
                            TG_JSON_INSIDE, /* of brackets, or before the first one */
                            TG_JSON_STRING,
                            TG_JSON_ESCAPE,
                            TG_JSON_AFTER_STRING, /* within brackets: its next byte says whether this was one */
                            TG_JSON_SCALAR,       /* a number or a word, and what is neither */
                            TG_JSON_GARBAGE,      /* json-seq: up to the next RS */
                            TG_JSON_LOST
};

struct tg_json_framer { /* embedded; zero it, set what comes first */
    /* A text, borrowed for the call, without white space around it. `is_cut`: it is known to be broken or incomplete. */
    void (*on_text)(void *arg, struct tg_str text, bool is_cut);
    void (*on_dropped)(void *arg, bool is_oversize); /* over max_bytes, or too big for the memory left */
    void *arg;
    size_t max_bytes;
    enum tg_config_framing framing; /* json, json-seq or array */

    enum tg_json_framer_state state;
    struct tg_buffer text; /* what there is of one that is not whole yet */
    size_t depth;          /* open brackets */
    size_t skipped_bytes;  /* of a text that was dropped; 0: it was not */
    size_t mark_bytes;     /* of the byte order mark at the start */
    bool is_past_mark;
    bool is_in_array;
};
void tg_json_framer_deinit(struct tg_json_framer *framer);
/* TG_ERR_PROTOCOL: nobody can tell any more where a text begins, or one has gone on for TG_JSON_FRAMER_SKIPPED_MAX after it
 * was dropped. Never with json-seq. What was begun has been passed on as cut, and all that follows is ignored. */
enum tg_err tg_json_framer_feed(struct tg_json_framer *framer, const char *bytes, size_t length);
/* The answer is complete. What is left is a text, too; a number only where nothing else would show its end. */
void tg_json_framer_finish(struct tg_json_framer *framer);

#endif
