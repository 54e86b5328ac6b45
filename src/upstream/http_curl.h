/* Inside the HTTP client: http_client_curl.c drives libcurl from the worker's loop, http_exchange_curl.c leads an
 * exchange from hop to hop, http_hop_curl.c says how to ask (with http_tls_curl.c and http_request_curl.c), and
 * http_answer_curl.c takes what comes in.
 *
 * Nothing calls libcurl's multi interface from within libcurl: whatever a handler wants (a new exchange, the end of
 * one) waits on the list `due` for the end of the turn. So does the rest of a body that has taken long enough: a few
 * kilobytes that are packed well are gigabytes. */
#ifndef TIDEGATE_UPSTREAM_HTTP_CURL_H
#define TIDEGATE_UPSTREAM_HTTP_CURL_H

#include "http.h"

#include <curl/curl.h>
#include <uv.h>

struct http_socket; /* a descriptor that libcurl wants watched */

struct tg_http_client {
    struct tg_worker *worker;
    CURLM *multi;
    size_t idle_max;               /* connections that are kept for later */
    size_t transfers;              /* that the multi has now */
    struct http_socket *sockets;   /* uthash, by descriptor */
    uv_timer_t timer;              /* when libcurl wants to be called */
    struct tg_turn_hook turn_hook; /* it wants that at once, or something is due */
    bool is_action_due;
    uint64_t hops;                /* that there have been */
    size_t given_bytes;           /* of bodies, to handlers, since libcurl was called */
    struct tg_http_exchange *due; /* to be started, or cancelled */
    struct tg_http_exchange *running;
};

enum http_phase {
    HTTP_HEAD,     /* the final head is not there yet */
    HTTP_REDIRECT, /* it is, and leads to `location` */
    HTTP_BODY,
    HTTP_UNWANTED, /* the handler has had enough */
    HTTP_FAILED,   /* `failure` says why */
};

struct tg_http_exchange {
    struct tg_http_exchange *prev, *next; /* of the client's `due` or `running` */
    struct tg_http_client *client;
    bool is_due;
    bool is_over;   /* nobody is told anything any more */
    bool is_paused; /* more of the body is there; it waits for the next turn, or until it is held no more */
    bool is_held;   /* by the handler */
    const struct tg_config_upstream *config;
    struct tg_http_handler handler;
    void *arg;
    struct tg_timer *timer;
    uint64_t head_deadline_ms; /* by the worker's clock; 0: none */
    uint64_t body_timeout_ms;
    const struct tg_caller *caller;
    struct tg_pass pass; /* the next hop waits for its turn */
    uint64_t left_ms;    /* of the time to the head; it does not run meanwhile */

    /* the request */
    struct tg_target origin; /* as configured */
    struct tg_target target; /* where it goes now */
    bool is_foreign;         /* it has left the configured site: nothing secret goes along */
    bool is_post, is_once;
    bool is_taken; /* a redirect has made a GET of the POST */
    struct tg_buffer body;
    char *content_type;
    struct tg_config_header *headers; /* ends with a NULL name */

    /* a hop: one request, one answer */
    CURL *easy;
    struct curl_slist *lines;
    struct curl_slist *connect_to;
    uint64_t hop;          /* its number among the client's */
    const char *tls_alert; /* a fatal one from the backend; or NULL */
    bool had_to_connect;   /* the first */
    bool is_looking_up;    /* a thread of libcurl looks up the name */
    enum http_phase phase;
    size_t head_bytes;
    struct tg_target location; /* where a redirect leads; empty: nowhere */
    int64_t hops;
    struct tg_http_end failure;
    char error[CURL_ERROR_SIZE];
};

/* ---- http_client_curl.c ------------------------------------------------------------------------ */

/* Moves it from `running` to `due`: http_exchange_step is called for it at the end of the turn, on `running` again. */
void http_client_defer(struct tg_http_exchange *exchange);
/* Hands exchange->easy to libcurl, or takes it back. Never from within libcurl. */
bool http_client_add(struct tg_http_exchange *exchange);
void http_client_remove(struct tg_http_exchange *exchange);
/* CURLOPT_CLOSESOCKETFUNCTION; the argument is the client. */
int http_client_close_socket(void *client, curl_socket_t fd);

/* ---- http_exchange_curl.c ---------------------------------------------------------------------- */

void http_exchange_step(struct tg_http_exchange *exchange);
void http_exchange_on_done(struct tg_http_exchange *exchange, CURLcode result);
/* What its end leaves: a lookup that nobody waits for. Frees it. */
void http_exchange_abandon(struct tg_http_exchange *exchange);
/* The head is there: from now on the body's time counts. */
void http_exchange_begin_body(struct tg_http_exchange *exchange);

/* ---- http_hop_curl.c --------------------------------------------------------------------------- */

/* Makes exchange->easy for exchange->target. */
bool http_hop_init(struct tg_http_exchange *exchange);
void http_hop_deinit(struct tg_http_exchange *exchange);

/* Within such a function, with `easy` and `is_set`: sets an option as long as all before could be set. */
#define HTTP_SET(option, value) (is_set = is_set && curl_easy_setopt(easy, option, value) == CURLE_OK)

/* ---- http_tls_curl.c --------------------------------------------------------------------------- */

void http_tls_init(void); /* once in the process */
bool http_tls_set(struct tg_http_exchange *exchange);

/* ---- http_request_curl.c ----------------------------------------------------------------------- */

/* The header lines of a hop, beyond those that libcurl makes. False: memory is out. */
bool http_request_lines(const struct tg_http_exchange *exchange, struct curl_slist **ret_lines);

/* ---- http_answer_curl.c: CURLOPT_HEADERFUNCTION and _WRITEFUNCTION; the argument is the exchange --- */

size_t http_answer_on_line(char *line, size_t size, size_t count, void *exchange);
size_t http_answer_on_bytes(char *bytes, size_t size, size_t count, void *exchange);
/* Why libcurl gave up. */
struct tg_http_end http_answer_failure(const struct tg_http_exchange *exchange, CURLcode result);

#endif
