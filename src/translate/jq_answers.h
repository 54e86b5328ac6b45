/* What the process of a jq filter answers, taken apart as it comes in. Pure; nothing that it says is trusted. */
#ifndef TIDEGATE_TRANSLATE_JQ_ANSWERS_H
#define TIDEGATE_TRANSLATE_JQ_ANSWERS_H

#include "jq_frame.h"

struct tg_jq_answer {
    enum tg_jq_kind kind; /* DONE, INVALID, TOO_LARGE or MEMORY; the last two have no bytes */
    struct tg_str bytes;  /* until the next call */
};

struct tg_jq_answers {        /* embedded; zero it, set max_bytes */
    size_t max_bytes;         /* of one answer */
    struct tg_buffer partial; /* the frame whose rest is still to come, or that was given last */
    bool is_given;
};
void tg_jq_answers_deinit(struct tg_jq_answers *answers);

/* Takes one answer off the front of *block. TG_ERR_AGAIN: the block is used up, the rest is still to come.
 * TG_ERR_PROTOCOL: this is none, or it is too long. TG_ERR_MEMORY. */
enum tg_err tg_jq_answers_read(struct tg_jq_answers *answers, struct tg_str *block,
                               struct tg_jq_answer *ret_answer);

#endif
