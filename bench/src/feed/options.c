#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS_MAX = 1000000 };

static const char usage[] = "usage: tg-feed --listen PORT [--streams N]\n"
                            "       tg-feed --post nchan|pushpin --url URL [--streams N]\n";

static bool parse_number(const char *name, const char *text, unsigned long most, unsigned long *ret_number)
{
    char *end;
    *ret_number = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && *ret_number <= most)
        return true;
    fprintf(stderr, "tg-feed: --%s takes a number up to %lu, not %s\n", name, most, text);
    return false;
}

static bool parse_post(const char *text, enum feed_post *ret_post)
{
    *ret_post = strcmp(text, "nchan") == 0     ? FEED_POST_NCHAN
                : strcmp(text, "pushpin") == 0 ? FEED_POST_PUSHPIN
                                               : FEED_POST_NONE;
    if (*ret_post == FEED_POST_NONE)
        fprintf(stderr, "tg-feed: --post takes nchan or pushpin, not %s\n", text);
    return *ret_post != FEED_POST_NONE;
}

static bool parse_url(const char *text, struct feed_url *ret_url)
{
    if (feed_url_parse(text, ret_url))
        return true;
    fprintf(stderr, "tg-feed: --url takes http://HOST:PORT/PATH, not %s\n", text);
    return false;
}

static bool parse_option(int option, struct feed_options *options, bool *has_port)
{
    unsigned long number;
    switch (option) {
    case 'l':
        if (!parse_number("listen", optarg, UINT16_MAX, &number))
            return false;
        options->port = (uint16_t)number;
        return *has_port = true;
    case 's':
        if (!parse_number("streams", optarg, STREAMS_MAX, &number))
            return false;
        options->stream_count = number;
        return true;
    case 'p':
        return parse_post(optarg, &options->post);
    case 'u':
        return parse_url(optarg, &options->url);
    default:
        fputs(usage, stderr);
        return false;
    }
}

bool feed_options_parse(int argc, char **argv, struct feed_options *ret_options)
{
    static const struct option known[] = {
        { "listen", required_argument, NULL, 'l' },
        { "streams", required_argument, NULL, 's' },
        { "post", required_argument, NULL, 'p' },
        { "url", required_argument, NULL, 'u' },
        { 0 },
    };
    *ret_options = (struct feed_options){ .stream_count = 1 };
    bool has_port = false;
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!parse_option(option, ret_options, &has_port))
            return false;
    }
    bool is_posting = ret_options->post != FEED_POST_NONE;
    if (optind < argc || has_port == is_posting || is_posting != (*ret_options->url.host != '\0') ||
        ret_options->stream_count == 0) {
        fputs(usage, stderr);
        return false;
    }
    return true;
}
