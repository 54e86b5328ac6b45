/* The commands of tg-feed; see the benchmark's README. */
#ifndef FEED_COMMANDS_H
#define FEED_COMMANDS_H

#include "common/command.h"
#include "run.h"

struct feed_commands {
    struct bench_command_reader reader;
    struct feed_output *output;
    struct feed_run run;
    bool is_waiting; /* nothing is read until the run has ended and was answered */
    bool is_ended;   /* the end of input */
};

/* Carries out what has come. */
void feed_commands_read(struct feed_commands *commands);

/* Answers a wait if its time has come. */
void feed_commands_check_wait(struct feed_commands *commands);

#endif
