/* The assembler: pieces of frames become whole messages, none longer than the cap. Pure. */
#ifndef TIDEGATE_UPSTREAM_ASSEMBLER_H
#define TIDEGATE_UPSTREAM_ASSEMBLER_H

#include "tidegate/base.h"
#include "tidegate/translate.h"

struct tg_assembler { /* zeroed: empty, with `max_bytes` to be set */
    size_t max_bytes;
    struct tg_buffer buffer;
    bool is_binary;
    bool is_dropping; /* the message at hand was too long: skip the rest of it */
};

enum tg_assembly {
    TG_ASSEMBLY_MORE,      /* the message is not complete yet */
    TG_ASSEMBLY_WHOLE,     /* *ret_message is it, borrowed until the next call */
    TG_ASSEMBLY_OVERSIZE,  /* just now the message became too long; told once for each */
    TG_ASSEMBLY_NO_MEMORY, /* the same for want of memory */
};

struct tg_piece {
    const char *bytes;
    size_t length;
    bool is_first, is_last, is_binary;
};

enum tg_assembly tg_assembler_add(struct tg_assembler *assembler, const struct tg_piece *piece,
                                  struct tg_message *ret_message);
void tg_assembler_deinit(struct tg_assembler *assembler);

#endif
