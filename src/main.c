/* The program: see tidegate/app.h for what its arguments mean. */
#include "tidegate/app.h"
#include "tidegate/runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Where one of them is closed, the first socket that we open would take its number, and get our log. */
static void occupy_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", O_RDWR);
    }
}

int main(int argc, char **argv)
{
    occupy_standard_descriptors();
    int code = tg_cli_main(argc, argv);

    if (tg_worker_pool_has_stragglers()) {
        fflush(NULL);
        _exit(code);
    }
    return code;
}
