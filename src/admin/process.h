/* What the system knows of this process, for the process_* metrics. */
#ifndef TIDEGATE_ADMIN_PROCESS_H
#define TIDEGATE_ADMIN_PROCESS_H

#include <stdint.h>

struct tg_process_figures {
    double cpu_seconds;
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t open_fds;
    uint64_t max_fds;
};
/* What cannot be found out is 0. Any thread. */
void tg_process_look(struct tg_process_figures *ret_figures);

#endif
