#include "loop.h"

#include "commands.h"
#include "common/clock.h"
#include "connection.h"
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_MAX = 1024 };

void load_loop_init(struct load_loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->input = malloc(LOAD_READ_BYTES);
    loop->commands.fd = STDIN_FILENO;
    if (loop->epoll_fd < 0 || !loop->input)
        abort();
}

/* ---- commands ----------------------------------------------------------------------------------------- */

/* False: it is a file, which is always readable and which epoll does not take. */
static bool watch_commands(struct load_loop *loop, bool is_wanted)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (is_wanted == loop->is_watching_commands)
        return true;
    if (epoll_ctl(loop->epoll_fd, is_wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, loop->commands.fd, &event) != 0)
        return false;
    loop->is_watching_commands = is_wanted;
    return true;
}

/* Carries out what has come, up to the first command that takes time. False: the commands have ended. */
static bool take_commands(struct load *load)
{
    struct bench_command command;
    while (!load->loop.task) {
        int status = bench_command_next(&load->loop.commands, &command);
        if (status <= 0)
            return status == 0;
        load->loop.task = load_command_run(load, &command);
    }
    return true;
}

/* ---- rounds ------------------------------------------------------------------------------------------- */

/* In milliseconds, for epoll; -1: for ever. */
static int time_until(uint64_t wake_ns)
{
    if (wake_ns == UINT64_MAX)
        return -1;
    uint64_t now_ns = bench_now_ns();
    if (wake_ns <= now_ns)
        return 0;
    uint64_t wait_ms = (wake_ns - now_ns + 999999) / 1000000;
    return wait_ms < 60000 ? (int)wait_ms : 60000;
}

/* True: there may be commands. */
static bool take_events(struct load_loop *loop, uint64_t wake_ns)
{
    static struct epoll_event events[EVENTS_MAX];
    bool has_commands = false;
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, time_until(wake_ns));
    if (count < 0 && errno != EINTR)
        abort();
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr)
            load_connection_on_events(events[i].data.ptr, events[i].events);
        else
            has_commands = true;
    }
    return has_commands;
}

/* When the task wants to be called again. */
static uint64_t step_task(struct load *load)
{
    uint64_t wake_ns = UINT64_MAX;
    struct load_task *task = load->loop.task;
    if (task && task->step(load, task, bench_now_ns(), &wake_ns)) {
        load->loop.task = NULL;
        wake_ns = 0;
    }
    return wake_ns;
}

void load_loop_run(struct load *load)
{
    struct load_loop *loop = &load->loop;
    for (bool has_commands = true;;) {
        if (has_commands && !loop->task && !take_commands(load))
            return;
        bool had_task = loop->task;
        uint64_t wake_ns = step_task(load);
        if (!watch_commands(loop, !loop->task))
            wake_ns = 0;
        /* Behind the command of a task, some may be left in the reader. */
        has_commands = take_events(loop, wake_ns) || had_task || !loop->is_watching_commands;
    }
}
