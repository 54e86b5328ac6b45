/* Pieces to messages. A message of one piece is passed on where it lies, without a copy. */
#include "assembler.h"

enum { KEPT_BYTES = 64 * 1024 }; /* memory above this is given back once a large message is done */

static void start(struct tg_assembler *assembler, bool is_binary)
{
    if (assembler->buffer.capacity > KEPT_BYTES)
        tg_buffer_deinit(&assembler->buffer);
    tg_buffer_clear(&assembler->buffer);
    assembler->is_dropping = false;
    assembler->is_binary = is_binary;
}

static enum tg_assembly drop(struct tg_assembler *assembler, const struct tg_piece *piece,
                             enum tg_assembly why)
{
    tg_buffer_deinit(&assembler->buffer);
    assembler->is_dropping = !piece->is_last;
    return why;
}

enum tg_assembly tg_assembler_add(struct tg_assembler *assembler, const struct tg_piece *piece,
                                  struct tg_message *ret_message)
{
    if (piece->is_first)
        start(assembler, piece->is_binary);
    if (assembler->is_dropping) {
        assembler->is_dropping = !piece->is_last;
        return TG_ASSEMBLY_MORE;
    }
    if (piece->length > assembler->max_bytes - assembler->buffer.length)
        return drop(assembler, piece, TG_ASSEMBLY_OVERSIZE);
    if (piece->is_first && piece->is_last) {
        *ret_message = (struct tg_message){ .bytes = piece->bytes,
                                            .length = piece->length,
                                            .is_binary = piece->is_binary };
        return TG_ASSEMBLY_WHOLE;
    }
    if (tg_buffer_append(&assembler->buffer, piece->bytes, piece->length) < 0)
        return drop(assembler, piece, TG_ASSEMBLY_NO_MEMORY);
    if (!piece->is_last)
        return TG_ASSEMBLY_MORE;
    *ret_message = (struct tg_message){ .bytes = assembler->buffer.data,
                                        .length = assembler->buffer.length,
                                        .is_binary = assembler->is_binary };
    return TG_ASSEMBLY_WHOLE;
}

void tg_assembler_deinit(struct tg_assembler *assembler)
{
    tg_buffer_deinit(&assembler->buffer);
}
