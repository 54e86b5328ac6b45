#include "options.h"

#include "common/progress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "tg-load --target ADDRESS:PORT [options]: SSE clients that count, check and measure what they get.\n"
    "\n"
    "  --target ADDRESS:PORT         the server (IPv4)\n"
    "  --path PATH                   what clients ask for (/); {stream} becomes the number of the stream\n"
    "  --streams N                   client i takes stream i mod N (1)\n"
    "  --tls                         TLS 1.2 or 1.3; certificates are not verified, sessions not resumed\n"
    "  --h2                          HTTP/2: by ALPN with --tls, by prior knowledge without\n"
    "  --streams-per-connection N    clients that share an HTTP/2 connection (100)\n"
    "  --source ADDRESS              where connections come from\n"
    "  --progress FILE --slot I      says in slot I (0 to 63) of the file how far all clients are\n"
    "\n"
    "Commands, one a line on standard input, each answered with one line of JSON:\n"
    "\n"
    "  connect clients=N [rate=N] [timeout=60]    512 at most are on their way at a time. A client is ready "
    "when it\n"
    "                                             has a 200 and the first byte of the body; or, as not all "
    "servers\n"
    "                                             send one at once, when 200 ms have passed since the head\n"
    "  reset | report\n"
    "  until seq=N [timeout=30]                   {\"reached\":false} at once when no client is left\n"
    "  freeze clients=N | thaw                    so many more stop reading; with --h2 whole connections do, "
    "so\n"
    "                                             that it may be fewer than asked for: the answer says how "
    "many\n"
    "  hold clients=N [rate=N] [timeout=60]\n"
    "  accepts seconds=S [concurrency=64] [path=/404]\n"
    "  disconnect\n"
    "  reconnect [timeout=60]                     all that are not connected, at once; ready with the 200\n"
    "  close\n";

static _Noreturn void fail(const char *what, const char *text)
{
    fprintf(stderr, "tg-load: %s%s%s\n", what, text ? ": " : "", text ? text : "");
    exit(2);
}

static uint32_t parse_number(const char *name, const char *text, unsigned long least, unsigned long most)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9' || number < least || number > most)
        fail(name, text);
    return (uint32_t)number;
}

static void parse_address(const char *name, const char *text, struct sockaddr_in *ret_address)
{
    ret_address->sin_family = AF_INET;
    if (inet_pton(AF_INET, text, &ret_address->sin_addr) != 1)
        fail(name, text);
}

static void parse_target(const char *text, struct load_options *options)
{
    char address[INET_ADDRSTRLEN];
    const char *colon = strchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof(address))
        fail("--target is not ADDRESS:PORT", text);
    memcpy(address, text, (size_t)(colon - text));
    address[colon - text] = '\0';
    parse_address("--target", address, &options->target);
    options->target.sin_port = htons((uint16_t)parse_number("--target", colon + 1, 1, 65535));
    options->authority = text;
}

static void check(const struct load_options *options, bool has_slot)
{
    if (!options->authority)
        fail("--target is missing", NULL);
    if (options->path[0] != '/' || strpbrk(options->path, " \r\n"))
        fail("--path", options->path);
    if (has_slot != (options->progress_file != NULL))
        fail("--progress and --slot go together", NULL);
}

enum option_code { TARGET = 1, PATH, STREAMS, TLS, H2, STREAMS_PER_CONNECTION, SOURCE, PROGRESS, SLOT, HELP };

static const struct option long_options[] = {
    { "target", required_argument, NULL, TARGET },
    { "path", required_argument, NULL, PATH },
    { "streams", required_argument, NULL, STREAMS },
    { "tls", no_argument, NULL, TLS },
    { "h2", no_argument, NULL, H2 },
    { "streams-per-connection", required_argument, NULL, STREAMS_PER_CONNECTION },
    { "source", required_argument, NULL, SOURCE },
    { "progress", required_argument, NULL, PROGRESS },
    { "slot", required_argument, NULL, SLOT },
    { "help", no_argument, NULL, HELP },
    { NULL, 0, NULL, 0 },
};

void load_options_parse(int argc, char **argv, struct load_options *ret_options)
{
    struct load_options *options = ret_options;
    bool has_slot = false;
    *options = (struct load_options){ .path = "/", .stream_count = 1, .streams_per_connection = 100 };
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case TARGET:
            parse_target(optarg, options);
            break;
        case PATH:
            options->path = optarg;
            break;
        case STREAMS:
            options->stream_count = parse_number("--streams", optarg, 1, 1000000);
            break;
        case TLS:
            options->is_tls = true;
            break;
        case H2:
            options->is_h2 = true;
            break;
        case STREAMS_PER_CONNECTION:
            options->streams_per_connection = parse_number("--streams-per-connection", optarg, 1, 100000);
            break;
        case SOURCE:
            parse_address("--source", optarg, &options->source);
            break;
        case PROGRESS:
            options->progress_file = optarg;
            break;
        case SLOT:
            options->slot = parse_number("--slot", optarg, 0, BENCH_PROGRESS_SLOTS - 1);
            has_slot = true;
            break;
        case HELP:
            fputs(help, stdout);
            exit(0);
        default: /* getopt has said what is wrong */
            exit(2);
        }
    }
    if (optind < argc)
        fail("no such argument", argv[optind]);
    check(options, has_slot);
}
