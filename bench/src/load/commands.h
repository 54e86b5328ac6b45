/* What each command does. */
#ifndef LOAD_COMMANDS_H
#define LOAD_COMMANDS_H

#include "common/command.h"

#include <stddef.h>
#include <stdint.h>

struct load;
struct load_task;

/* Carries out a command. NULL: it is answered; else what goes on until it is. */
struct load_task *load_command_run(struct load *load, struct bench_command *command);

/* The commands that take time. */
struct load_task *load_connect_begin(struct load *load, size_t count, double rate, uint64_t timeout_ns);
struct load_task *load_reconnect_begin(struct load *load, uint64_t timeout_ns);
struct load_task *load_hold_begin(struct load *load, size_t count, double rate, uint64_t timeout_ns);
struct load_task *load_accepts_begin(struct load *load, uint64_t time_ns, size_t concurrency,
                                     const char *path);

size_t load_held_count(const struct load *load);
void load_held_close(struct load *load);

#endif
