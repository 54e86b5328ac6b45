/* Decoding: bytes in, bytes out, before anything else is looked at.
 *
 * What comes out is limited while it is being made: a few hundred bytes of gzip that stand for gigabytes take no more
 * memory than the limit. */
#ifndef TIDEGATE_TRANSLATE_DECODE_H
#define TIDEGATE_TRANSLATE_DECODE_H

#include "tidegate/config.h"

/* Embedded; set the rules, zero the rest. */
struct tg_decoder {
    const struct tg_config_translate *rules;
    struct tg_buffer outputs[2]; /* of the last step and of the one before; kept from message to message */
};
void tg_decoder_deinit(struct tg_decoder *decoder);

/* Takes `bytes` through the rules' steps, one after the other. The result is borrowed until the next run; *is_binary is
 * false when the last step was utf8, true after any other. TG_ERR_INVALID: not in the step's format, or cut off.
 * TG_ERR_TOO_LARGE: over max_decoded_bytes. TG_ERR_MEMORY. Then both are as they were. */
enum tg_err tg_decoder_run(struct tg_decoder *decoder, struct tg_str *bytes, bool *is_binary);

/* One step that makes new bytes (all but utf8); replaces what is in `out`, up to max_bytes.
 *
 * base64: RFC 4648 section 4 or 5; padding or none; white space between groups of four. hex: either case; white space
 * between pairs. gunzip: RFC 1952, all members. inflate: RFC 1950, or 1951 when the header of 1950 is missing. Nothing
 * may follow. */
enum tg_err tg_decode(enum tg_config_decode step, struct tg_str bytes, size_t max_bytes,
                      struct tg_buffer *out);

/* Empties `out` and gives it room for `length` bytes at least, without rounding up. For the steps. */
enum tg_err tg_decode_make_room(struct tg_buffer *out, size_t length);
/* The two compressed formats. */
enum tg_err tg_decode_gunzip(struct tg_str bytes, size_t max_bytes, struct tg_buffer *out);
enum tg_err tg_decode_inflate(struct tg_str bytes, size_t max_bytes, struct tg_buffer *out);

#endif
