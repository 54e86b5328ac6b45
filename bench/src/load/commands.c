#include "commands.h"

#include "common/clock.h"
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_MAX = 1000000, TIMEOUT_S = 60, UNTIL_TIMEOUT_S = 30 };

/* ---- arguments ---------------------------------------------------------------------------------------- */

struct arguments {
    struct bench_command *command;
    bool is_bad; /* and answered */
};

static double number(struct arguments *arguments, const char *key, double by_default, double most)
{
    double value = bench_command_number(arguments->command, key, by_default, &arguments->is_bad);
    if (!arguments->is_bad && (value < 0 || value > most)) {
        if (bench_command_text(arguments->command, key, NULL))
            bench_answer_error("%s is not from 0 to %.0f", key, most);
        else
            bench_answer_error("%s is missing", key);
        arguments->is_bad = true;
    }
    return value;
}

static uint64_t count(struct arguments *arguments, const char *key, double by_default, double most)
{
    double value = number(arguments, key, by_default, most);
    return arguments->is_bad ? 0 : (uint64_t)value;
}

static uint64_t time_ns(struct arguments *arguments, const char *key, double by_default)
{
    double value = number(arguments, key, by_default, 1e6);
    return arguments->is_bad ? 0 : (uint64_t)(value * (double)BENCH_NS_PER_S);
}

/* Once all arguments have been asked for. */
static bool are_fine(struct arguments *arguments)
{
    return !arguments->is_bad && !bench_command_has_unknown(arguments->command);
}

/* ---- until -------------------------------------------------------------------------------------------- */

struct until {
    struct load_task task; /* first */
    uint64_t since_ns, deadline_ns;
};

static bool step_until(struct load *load, struct load_task *task, uint64_t now_ns, uint64_t *ret_wake_ns)
{
    struct until *until = (struct until *)task;
    struct load_clients *clients = &load->clients;
    bool is_reached = clients->ready_count > 0 && clients->behind_count == 0;
    *ret_wake_ns = until->deadline_ns;
    if (!is_reached && clients->ready_count > 0 && now_ns < until->deadline_ns)
        return false;
    load_clients_watch_for(clients, 0);
    bench_answer("{\"reached\":%s,\"seconds\":%.6f}", is_reached ? "true" : "false",
                 (double)(now_ns - until->since_ns) / (double)BENCH_NS_PER_S);
    free(until);
    return true;
}

static struct load_task *run_until(struct load *load, struct arguments *arguments)
{
    uint64_t seq = count(arguments, "seq", -1, 1e15);
    uint64_t timeout_ns = time_ns(arguments, "timeout", UNTIL_TIMEOUT_S);
    if (!are_fine(arguments))
        return NULL;
    struct until *until = load_alloc(sizeof(*until));
    until->task.step = step_until;
    until->since_ns = bench_now_ns();
    until->deadline_ns = until->since_ns + timeout_ns;
    load_clients_watch_for(&load->clients, seq);
    return &until->task;
}

/* ---- those answered at once --------------------------------------------------------------------------- */

static struct load_task *run_reset(struct load *load, struct arguments *arguments)
{
    if (!are_fine(arguments))
        return NULL;
    load_stats_reset(&load->stats);
    load_clients_restart(&load->clients);
    bench_answer("{}");
    return NULL;
}

static void answer_report(const struct load *load, const char *latency)
{
    const struct load_stats *stats = &load->stats;
    uint64_t least, greatest;
    load_clients_range(&load->clients, &least, &greatest);
    bench_answer(
        "{\"clients\":%zu,\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64
        ",\"duplicated\":%" PRIu64 ",\"disordered\":%" PRIu64 ",\"closed\":%" PRIu64
        ",\"held\":%zu,\"seconds\":%.6f,\"max_seq\":%" PRIu64 ",\"min_seq\":%" PRIu64 ",\"latency_ns\":%s}",
        load->clients.ready_count, stats->events, stats->bytes, stats->lost, stats->duplicated,
        stats->disordered, stats->closed, load_held_count(load),
        (double)(bench_now_ns() - stats->since_ns) / (double)BENCH_NS_PER_S, greatest, least, latency);
}

static struct load_task *run_report(struct load *load, struct arguments *arguments)
{
    char *latency = NULL;
    size_t length;
    if (!are_fine(arguments))
        return NULL;
    FILE *out = open_memstream(&latency, &length);
    if (!out)
        abort();
    bench_histogram_print(&load->stats.latency_ns, out);
    if (fclose(out) != 0)
        abort();
    answer_report(load, latency);
    free(latency);
    return NULL;
}

static struct load_task *run_freeze(struct load *load, struct arguments *arguments)
{
    size_t clients = count(arguments, "clients", -1, CLIENTS_MAX);
    if (are_fine(arguments))
        bench_answer("{\"frozen\":%zu}", load_clients_freeze(&load->clients, clients));
    return NULL;
}

static struct load_task *run_thaw(struct load *load, struct arguments *arguments)
{
    if (!are_fine(arguments))
        return NULL;
    load_clients_thaw(&load->clients);
    bench_answer("{\"frozen\":0}");
    return NULL;
}

static struct load_task *run_disconnect(struct load *load, struct arguments *arguments)
{
    if (are_fine(arguments))
        bench_answer("{\"disconnected\":%zu}", load_clients_disconnect(&load->clients, false));
    return NULL;
}

static struct load_task *run_close(struct load *load, struct arguments *arguments)
{
    if (!are_fine(arguments))
        return NULL;
    load_clients_forget_all(&load->clients);
    load_held_close(load);
    bench_answer("{}");
    return NULL;
}

/* ---- those that take time ----------------------------------------------------------------------------- */

static struct load_task *run_connect(struct load *load, struct arguments *arguments)
{
    size_t clients = count(arguments, "clients", -1, CLIENTS_MAX);
    double rate = number(arguments, "rate", 0, 1e9);
    uint64_t timeout_ns = time_ns(arguments, "timeout", TIMEOUT_S);
    return are_fine(arguments) ? load_connect_begin(load, clients, rate, timeout_ns) : NULL;
}

static struct load_task *run_reconnect(struct load *load, struct arguments *arguments)
{
    uint64_t timeout_ns = time_ns(arguments, "timeout", TIMEOUT_S);
    return are_fine(arguments) ? load_reconnect_begin(load, timeout_ns) : NULL;
}

static struct load_task *run_hold(struct load *load, struct arguments *arguments)
{
    size_t clients = count(arguments, "clients", -1, CLIENTS_MAX);
    double rate = number(arguments, "rate", 0, 1e9);
    uint64_t timeout_ns = time_ns(arguments, "timeout", TIMEOUT_S);
    return are_fine(arguments) ? load_hold_begin(load, clients, rate, timeout_ns) : NULL;
}

static struct load_task *run_accepts(struct load *load, struct arguments *arguments)
{
    uint64_t seconds_ns = time_ns(arguments, "seconds", -1);
    size_t concurrency = count(arguments, "concurrency", 64, 10000);
    const char *path = bench_command_text(arguments->command, "path", "/404");
    if (!are_fine(arguments))
        return NULL;
    if (load->options.is_h2) {
        bench_answer_error("accepts speaks HTTP/1.1 only");
        return NULL;
    }
    if (path[0] != '/' || strlen(path) > 2048) {
        bench_answer_error("path");
        return NULL;
    }
    return load_accepts_begin(load, seconds_ns, concurrency, path);
}

static const struct {
    const char *name;
    struct load_task *(*run)(struct load *load, struct arguments *arguments);
} commands[] = {
    { "connect", run_connect },     { "reset", run_reset },     { "report", run_report },
    { "until", run_until },         { "freeze", run_freeze },   { "thaw", run_thaw },
    { "hold", run_hold },           { "accepts", run_accepts }, { "disconnect", run_disconnect },
    { "reconnect", run_reconnect }, { "close", run_close },
};

struct load_task *load_command_run(struct load *load, struct bench_command *command)
{
    struct arguments arguments = { .command = command };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, command->name) == 0)
            return commands[i].run(load, &arguments);
    }
    bench_answer_error("no such command: %s", command->name);
    return NULL;
}
