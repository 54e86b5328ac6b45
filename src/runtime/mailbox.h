/* A mailbox: what other threads want a worker to do, in the order they asked.
 *
 * Two arrays change places under a lock: senders fill one while the receiver empties the other. Neither is
 * given back, so a mailbox that has seen its busiest moment allocates no more. */
#ifndef TIDEGATE_RUNTIME_MAILBOX_H
#define TIDEGATE_RUNTIME_MAILBOX_H

#include <pthread.h>

#include "tidegate/runtime.h"

struct mail {
    tg_mail_fn *deliver;
    void *context;
    uint64_t id;
    uint64_t value;
};

struct mail_array {
    struct mail *items;
    size_t count;
    size_t capacity;
};

struct mailbox {
    pthread_mutex_t lock;
    struct mail_array incoming;   /* under the lock */
    bool is_closed;               /* under the lock */
    struct mail_array delivering; /* the receiver's alone */
};

void mailbox_init(struct mailbox *box);
void mailbox_deinit(struct mailbox *box);

/* Any thread. Returns true when the box was empty, so the receiver has to be woken. Drops the mail when the
 * box is closed. */
bool mailbox_put(struct mailbox *box, const struct mail *mail);
/* The receiver's thread. Delivers what has arrived up to now; what arrives meanwhile waits for the next call.
 */
void mailbox_deliver(struct mailbox *box);
/* Any thread. Drops what waits and all that follows. */
void mailbox_close(struct mailbox *box);

#endif
