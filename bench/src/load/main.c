/* tg-load: SSE clients. bench/README.md says what it understands and answers. */
#include "load.h"

#include "tls.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

void *load_alloc(size_t size_bytes)
{
    void *memory = calloc(1, size_bytes);
    if (!memory)
        abort();
    return memory;
}

static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct bench_progress_slot *open_progress(const struct load_options *options)
{
    if (!options->progress_file)
        return NULL;
    struct bench_progress *progress = bench_progress_open(options->progress_file);
    if (!progress) {
        fprintf(stderr, "tg-load: %s: %s\n", options->progress_file, strerror(errno));
        exit(2);
    }
    atomic_store(&progress->slots[options->slot].seq, BENCH_PROGRESS_UNUSED);
    return &progress->slots[options->slot];
}

int main(int argc, char **argv)
{
    static struct load load;
    load_options_parse(argc, argv, &load.options);
    signal(SIGPIPE, SIG_IGN);
    raise_open_files();
    load.progress = open_progress(&load.options);
    if (load.options.is_tls)
        load.tls = load_tls_context(load.options.is_h2);
    load.clients.protocol = load.options.is_h2 ? &load_protocol_http2 : &load_protocol_http1;
    load_loop_init(&load.loop);
    load_stats_reset(&load.stats);
    bench_answer("{\"ready\":true}");
    load_loop_run(&load);
    if (load.progress)
        atomic_store(&load.progress->seq, BENCH_PROGRESS_UNUSED);
    return 0;
}
