/* Waits for sockets, for commands, and for what the command that is being carried out waits for. */
#ifndef LOAD_LOOP_H
#define LOAD_LOOP_H

#include "common/command.h"

#include <stdbool.h>
#include <stdint.h>

struct load;

enum { LOAD_READ_BYTES = 256 * 1024 };

/* A command that takes time. Others wait until it has answered. */
struct load_task {
    /* Called after each round of the loop, and at *ret_wake_ns at the latest (0: at once; left alone: when
     * something happens). True: it has answered, and freed itself. */
    bool (*step)(struct load *load, struct load_task *task, uint64_t now_ns, uint64_t *ret_wake_ns);
};

struct load_loop {
    int epoll_fd;
    uint64_t now_ns; /* when the last read returned */
    char *input;     /* LOAD_READ_BYTES that every read goes to */
    struct load_task *task;
    struct bench_command_reader commands;
    bool is_watching_commands;
};

void load_loop_init(struct load_loop *loop);

/* Runs until the commands end. */
void load_loop_run(struct load *load);

#endif
