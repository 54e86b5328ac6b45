/* The mailbox of a worker: see mailbox.h. */
#include "mailbox.h"

#include <stdlib.h>

void mailbox_init(struct mailbox *box)
{
    *box = (struct mailbox){ 0 };
    pthread_mutex_init(&box->lock, NULL);
}

void mailbox_deinit(struct mailbox *box)
{
    free(box->incoming.items);
    free(box->delivering.items);
    pthread_mutex_destroy(&box->lock);
}

static void push(struct mail_array *array, const struct mail *mail)
{
    if (array->count == array->capacity) {
        array->capacity = array->capacity ? array->capacity * 2 : 64;
        array->items = tg_realloc_array(array->items, array->capacity, sizeof *array->items);
    }
    array->items[array->count++] = *mail;
}

bool mailbox_put(struct mailbox *box, const struct mail *mail)
{
    pthread_mutex_lock(&box->lock);
    bool was_empty = box->incoming.count == 0;
    bool is_closed = box->is_closed;
    if (!is_closed)
        push(&box->incoming, mail);
    pthread_mutex_unlock(&box->lock);
    return was_empty && !is_closed;
}

void mailbox_deliver(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    struct mail_array arrived = box->incoming;
    box->incoming = box->delivering;
    box->incoming.count = 0;
    pthread_mutex_unlock(&box->lock);

    box->delivering = arrived;
    for (size_t i = 0; i < arrived.count; i++)
        arrived.items[i].deliver(arrived.items[i].context, arrived.items[i].id, arrived.items[i].value);
}

void mailbox_close(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->is_closed = true;
    box->incoming.count = 0;
    pthread_mutex_unlock(&box->lock);
}
