/* What all parts share. One thread; nothing here is ever freed but with the process. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "clients.h"
#include "loop.h"
#include "options.h"
#include "stats.h"

#include "common/progress.h"

#include <openssl/types.h>
#include <stddef.h>

struct load_held;

struct load {
    struct load_options options;
    struct load_loop loop;
    struct load_stats stats;
    struct load_clients clients;
    struct load_held *held;               /* connections that send nothing */
    SSL_CTX *tls;                         /* NULL: plain */
    struct bench_progress_slot *progress; /* NULL: nobody wants to know */
};

/* Zeroed; ends the program when there is no memory. */
void *load_alloc(size_t size_bytes);

#endif
