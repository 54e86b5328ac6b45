/* Masking. A text that somebody else wrote is looked through for pieces of secrets, so that half a token, which is what
 * a close reason of 123 bytes has room for, is found too.
 *
 *     text     invalid token eyJhbGciOiJIUzI1Ni      secret   eyJhbGciOiJIUzI1NiJ9.e30.c2ln
 *                            └─ each PIECE bytes of it that the secret has, too, are marked
 *     out      invalid token *** */
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum {
    SECRET_MIN = 4,      /* shorter ones are in too many words */
    PIECE = 8,           /* of a secret that is longer */
    TEXT_MAX = 4 * 1024, /* of a text, the rest is not looked at, and not shown */
    SECRETS_MAX = 1024,  /* of them, and as many bytes together: */
    BYTES_MAX = 256 * 1024,
};

void tg_secrets_add(struct tg_secrets *secrets, struct tg_str secret)
{
    if (secret.length < SECRET_MIN || secrets->count >= SECRETS_MAX ||
        secret.length > BYTES_MAX - secrets->bytes)
        return;
    secrets->list = tg_realloc_array(secrets->list, secrets->count + 1, sizeof(*secrets->list));
    secrets->list[secrets->count++] =
        (struct tg_str){ tg_strndup(secret.data, secret.length), secret.length };
    secrets->bytes += secret.length;
}

void tg_secrets_deinit(struct tg_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        char *bytes = (char *)secrets->list[i].data;
        explicit_bzero(bytes, secrets->list[i].length);
        free(bytes);
    }
    free(secrets->list);
    *secrets = (struct tg_secrets){ 0 };
}

/* ---- finding ------------------------------------------------------------------------------------- */

static void mark_whole(struct tg_str text, struct tg_str secret, bool *marks)
{
    for (size_t at = 0; at + secret.length <= text.length; at++)
        if (memcmp(text.data + at, secret.data, secret.length) == 0)
            memset(marks + at, true, secret.length);
}

static void mark_pieces(struct tg_str text, struct tg_str secret, bool *marks)
{
    for (size_t at = 0; at + PIECE <= text.length; at++)
        if (memmem(secret.data, secret.length, text.data + at, PIECE))
            memset(marks + at, true, PIECE);
}

static void mark(struct tg_str text, const struct tg_secrets *secrets, bool *marks)
{
    for (size_t i = 0; secrets && i < secrets->count; i++) {
        if (secrets->list[i].length < PIECE)
            mark_whole(text, secrets->list[i], marks);
        else
            mark_pieces(text, secrets->list[i], marks);
    }
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* Those that turn a line around, or break it, where it is shown. */
static bool is_deceptive(uint32_t code_point)
{
    return code_point == 0 || code_point == 0x200e || code_point == 0x200f || code_point == 0x061c ||
           (code_point >= 0x2028 && code_point <= 0x202e) || (code_point >= 0x2066 && code_point <= 0x2069);
}

/* The next character of the text as it is shown; *at moves on. */
static struct tg_str take_character(struct tg_str text, size_t *at)
{
    uint32_t code_point;
    size_t size = tg_utf8_decode(text.data + *at, text.length - *at, &code_point);
    struct tg_str character = { text.data + *at, size };

    *at += size ? size : 1;
    return size == 0 || is_deceptive(code_point) ? TG_STR("\xef\xbf\xbd") : character;
}

static struct tg_str take(struct tg_str text, const bool *marks, size_t *at)
{
    if (!marks[*at])
        return take_character(text, at);
    while (*at < text.length && marks[*at])
        (*at)++;
    return TG_STR("***");
}

enum tg_err tg_mask(struct tg_buffer *out, struct tg_str text, const struct tg_secrets *secrets,
                    size_t max_bytes)
{
    bool marks[TEXT_MAX] = { false };
    size_t room = max_bytes, at = 0;
    enum tg_err err = TG_OK;

    if (text.length > TEXT_MAX)
        text.length = TEXT_MAX;
    mark(text, secrets, marks);
    while (at < text.length && err == TG_OK) {
        struct tg_str piece = take(text, marks, &at);
        if (piece.length > room)
            return tg_buffer_append_str(out, "…");
        err = tg_buffer_append(out, piece.data, piece.length);
        room -= piece.length;
    }
    return err;
}
