/* Answers of a jq filter's process: a frame that is whole in the block is given where it lies, any other is gathered. */
#include "jq_answers.h"

#include <string.h>

enum { KEPT_BYTES = 256 * 1024 };

void tg_jq_answers_deinit(struct tg_jq_answers *answers)
{
    tg_buffer_deinit(&answers->partial);
}

static void forget_given(struct tg_jq_answers *answers)
{
    if (!answers->is_given)
        return;
    answers->is_given = false;
    if (answers->partial.capacity > KEPT_BYTES)
        tg_buffer_deinit(&answers->partial);
    else
        tg_buffer_clear(&answers->partial);
}

static bool is_fine(const struct tg_jq_answers *answers, const struct tg_jq_head *head)
{
    switch (head->kind) {
    case TG_JQ_DONE:
    case TG_JQ_INVALID:
        return head->length <= answers->max_bytes;
    case TG_JQ_TOO_LARGE:
    case TG_JQ_MEMORY:
        return head->length == 0;
    default:
        return false;
    }
}

/* Moves bytes over until there are `length` of them. */
static enum tg_err gather(struct tg_buffer *partial, struct tg_str *block, size_t length)
{
    size_t missing = length - partial->length;
    size_t step = missing < block->length ? missing : block->length;
    enum tg_err err = tg_buffer_append(partial, block->data, step);

    if (err)
        return err;
    *block = (struct tg_str){ block->data + step, block->length - step };
    return step < missing ? TG_ERR_AGAIN : TG_OK;
}

static enum tg_err gather_answer(struct tg_jq_answers *answers, struct tg_str *block,
                                 struct tg_jq_answer *ret_answer)
{
    struct tg_buffer *partial = &answers->partial;
    struct tg_jq_head head;
    enum tg_err err = partial->length < sizeof(head) ? gather(partial, block, sizeof(head)) : TG_OK;

    if (err)
        return err;
    memcpy(&head, partial->data, sizeof(head));
    if (!is_fine(answers, &head))
        return TG_ERR_PROTOCOL;
    err = gather(partial, block, sizeof(head) + head.length);
    if (err)
        return err;
    answers->is_given = true;
    *ret_answer =
        (struct tg_jq_answer){ (enum tg_jq_kind)head.kind, { partial->data + sizeof(head), head.length } };
    return TG_OK;
}

enum tg_err tg_jq_answers_read(struct tg_jq_answers *answers, struct tg_str *block,
                               struct tg_jq_answer *ret_answer)
{
    struct tg_jq_head head;

    forget_given(answers);
    if (answers->partial.length > 0 || block->length < sizeof(head))
        return gather_answer(answers, block, ret_answer);
    memcpy(&head, block->data, sizeof(head));
    if (!is_fine(answers, &head))
        return TG_ERR_PROTOCOL;
    if (block->length - sizeof(head) < head.length)
        return gather_answer(answers, block, ret_answer);
    *ret_answer =
        (struct tg_jq_answer){ (enum tg_jq_kind)head.kind, { block->data + sizeof(head), head.length } };
    *block = (struct tg_str){ block->data + sizeof(head) + head.length,
                              block->length - sizeof(head) - head.length };
    return TG_OK;
}
