/* Where each key and value of a JSON text stands, which jansson does not tell.
 *
 *     { "a": [ 1 ], "b": 2 }       places, in the order of the text:
 *                                  0 {…} next 4    1 a: […] next 3    2 1 next 3    3 b: 2 next 4
 *
 * The children of place i begin at i + 1; each says where the one after it is; they end at places[i].next. */
#ifndef TIDEGATE_CONFIG_JSON_POSITIONS_H
#define TIDEGATE_CONFIG_JSON_POSITIONS_H

#include <stddef.h>
#include <stdint.h>

struct tg_json_place {
    uint32_t at;                   /* offset of the value's first character */
    uint32_t line, column;         /* of the value's first character; both count from 1, in characters */
    uint32_t key_line, key_column; /* of the quote before the key; 0 outside objects */
    uint32_t next;                 /* index of the first place that is not inside this one */
};

struct tg_json_positions {
    struct tg_json_place *places;
    size_t count;
};

/* `text` must be JSON that jansson has accepted, nested at most TG_JSON_DEPTH_MAX deep. */
enum { TG_JSON_DEPTH_MAX = 2048 };
void tg_json_positions_init(struct tg_json_positions *positions, const char *text, size_t length);
void tg_json_positions_deinit(struct tg_json_positions *positions);

/* The place of the child number `child` of `parent`; `parent` itself when there is no such child. */
size_t tg_json_positions_child(const struct tg_json_positions *positions, size_t parent, size_t child);

#endif
