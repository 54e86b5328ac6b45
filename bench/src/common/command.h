/* Commands on standard input, one a line: "name key=value key=value"; answers on standard output, one a line. */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_COMMAND_LINE_BYTES = 4096, BENCH_COMMAND_PAIRS = 16 };

struct bench_command {
    char text[BENCH_COMMAND_LINE_BYTES]; /* what the pointers below point into */
    const char *name;
    int count;
    struct {
        const char *key, *value;
        bool is_used; /* somebody asked for it */
    } pairs[BENCH_COMMAND_PAIRS];
};

/* What has come on a descriptor, cut into lines. All zero but `fd` at first. */
struct bench_command_reader {
    int fd;
    bool is_too_long; /* the line that is being read */
    size_t length;
    char buffer[BENCH_COMMAND_LINE_BYTES];
};

/* 1: a command; 0: none yet; -1: end of input. Call it until it gives 0, whenever the descriptor is readable. A line
 * that is no command is answered with an error and passed over. */
int bench_command_next(struct bench_command_reader *reader, struct bench_command *ret_command);

/* The value of a key, or the default where it is absent. What is no number is answered with an error and sets
 * *is_bad; pass the same flag to several calls and look at it once. */
double bench_command_number(struct bench_command *command, const char *key, double by_default, bool *is_bad);
const char *bench_command_text(struct bench_command *command, const char *key, const char *by_default);

/* True, and answered with an error, if there are keys that nobody asked for: a slip of the pen must not pass. */
bool bench_command_has_unknown(const struct bench_command *command);

/* One line to standard output, flushed. `format` gives the JSON without the newline. */
void bench_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bench_answer_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
