/* A scanner over JSON that is known to be valid: it only tells keys from values and counts. */
#include "json_positions.h"

#include "tidegate/base.h"

#include <stdlib.h>
#include <string.h>

struct open_container {
    uint32_t place;
    bool is_object;
};

struct scanner {
    struct tg_json_positions *positions;
    size_t capacity;
    const char *text;
    size_t length, at;
    uint32_t line, column;
    uint32_t key_line, key_column;
    bool is_key_next;
    struct open_container open[TG_JSON_DEPTH_MAX + 1];
    size_t depth;
};

static void advance(struct scanner *scanner)
{
    unsigned char byte = (unsigned char)scanner->text[scanner->at++];
    if (byte == '\n') {
        scanner->line++;
        scanner->column = 1;
    } else if ((byte & 0xc0) != 0x80) {
        scanner->column++;
    }
}

static void skip_string(struct scanner *scanner)
{
    advance(scanner);
    while (scanner->at < scanner->length && scanner->text[scanner->at] != '"') {
        if (scanner->text[scanner->at] == '\\' && scanner->at + 1 < scanner->length)
            advance(scanner);
        advance(scanner);
    }
    if (scanner->at < scanner->length)
        advance(scanner);
}

static void skip_word(struct scanner *scanner)
{
    while (scanner->at < scanner->length && !strchr(",:]} \t\r\n", scanner->text[scanner->at]))
        advance(scanner);
}

static void add_place(struct scanner *scanner)
{
    struct tg_json_positions *positions = scanner->positions;
    if (positions->count == scanner->capacity) {
        scanner->capacity = scanner->capacity ? scanner->capacity * 2 : 64;
        positions->places =
            tg_realloc_array(positions->places, scanner->capacity, sizeof(positions->places[0]));
    }
    size_t place = positions->count++;
    positions->places[place] = (struct tg_json_place){
        .at = (uint32_t)scanner->at,
        .line = scanner->line,
        .column = scanner->column,
        .key_line = scanner->key_line,
        .key_column = scanner->key_column,
        .next = (uint32_t)place + 1,
    };
    scanner->key_line = scanner->key_column = 0;
}

static void open_container(struct scanner *scanner, bool is_object)
{
    uint32_t place = (uint32_t)scanner->positions->count;
    add_place(scanner);
    advance(scanner);
    if (scanner->depth < TG_COUNT_OF(scanner->open))
        scanner->open[scanner->depth++] = (struct open_container){ place, is_object };
    scanner->is_key_next = is_object;
}

static void close_container(struct scanner *scanner)
{
    advance(scanner);
    if (scanner->depth == 0)
        return;
    scanner->depth--;
    scanner->positions->places[scanner->open[scanner->depth].place].next =
        (uint32_t)scanner->positions->count;
}

static void scan_next(struct scanner *scanner)
{
    switch (scanner->text[scanner->at]) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        advance(scanner);
        break;
    case ':':
        scanner->is_key_next = false;
        advance(scanner);
        break;
    case ',':
        scanner->is_key_next = scanner->depth > 0 && scanner->open[scanner->depth - 1].is_object;
        advance(scanner);
        break;
    case '{':
    case '[':
        open_container(scanner, scanner->text[scanner->at] == '{');
        break;
    case '}':
    case ']':
        close_container(scanner);
        break;
    case '"':
        if (scanner->is_key_next) {
            scanner->key_line = scanner->line;
            scanner->key_column = scanner->column;
        } else {
            add_place(scanner);
        }
        skip_string(scanner);
        break;
    default:
        add_place(scanner);
        advance(scanner);
        skip_word(scanner);
    }
}

void tg_json_positions_init(struct tg_json_positions *positions, const char *text, size_t length)
{
    *positions = (struct tg_json_positions){ 0 };
    struct scanner *scanner = tg_alloc(sizeof(*scanner));
    scanner->positions = positions;
    scanner->text = text;
    scanner->length = length;
    scanner->line = scanner->column = 1;
    while (scanner->at < length)
        scan_next(scanner);
    free(scanner);
}

void tg_json_positions_deinit(struct tg_json_positions *positions)
{
    free(positions->places);
    *positions = (struct tg_json_positions){ 0 };
}

size_t tg_json_positions_child(const struct tg_json_positions *positions, size_t parent, size_t child)
{
    if (parent >= positions->count)
        return 0;
    size_t at = parent + 1, end = positions->places[parent].next;
    while (at < end && child-- > 0)
        at = positions->places[at].next;
    return at < end ? at : parent;
}
