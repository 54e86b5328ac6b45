/* The forms of strings: header names, event types, JSON pointers, paths and the like. */
#ifndef TIDEGATE_CONFIG_GRAMMAR_H
#define TIDEGATE_CONFIG_GRAMMAR_H

#include "options.h"

extern const struct tg_option_grammar tg_grammar_ip_address;
extern const struct tg_option_grammar tg_grammar_socket_path;
extern const struct tg_option_grammar tg_grammar_file_name;
extern const struct tg_option_grammar tg_grammar_query_name;
extern const struct tg_option_grammar tg_grammar_query_name_or_all;
extern const struct tg_option_grammar tg_grammar_event_name;     /* not empty, no CR, LF */
extern const struct tg_option_grammar tg_grammar_pointer;        /* RFC 6901, not empty */
extern const struct tg_option_grammar tg_grammar_pointer_or_all; /* RFC 6901 */
extern const struct tg_option_grammar tg_grammar_stream_name;
extern const struct tg_option_grammar tg_grammar_route_path;
extern const struct tg_option_grammar tg_grammar_parameter_name;
extern const struct tg_option_grammar tg_grammar_parameter_value;
extern const struct tg_option_grammar tg_grammar_token;          /* RFC 9110 */
extern const struct tg_option_grammar tg_grammar_media_range;    /* RFC 9110, without parameters */
extern const struct tg_option_grammar tg_grammar_header_value;   /* RFC 9110, and UTF-8 */
extern const struct tg_option_grammar tg_grammar_header_content; /* the same, not empty */
extern const struct tg_option_grammar tg_grammar_basic_user;     /* RFC 7617 */
extern const struct tg_option_grammar tg_grammar_basic_password;
extern const struct tg_option_grammar tg_grammar_cors_origin;
extern const struct tg_option_grammar tg_grammar_host_name;

/* Appends `expected`, and the pointer that is meant by a text that has no slash in front, where that can be guessed. */
void tg_grammar_explain_pointer(const char *text, const char *expected, struct tg_buffer *out);

/* The same as a grammar's `suspect`. */
void tg_grammar_suspect_pointer(const char *text, struct tg_buffer *out);

/* In template.c: a JSON pointer when it begins with "/", a template when it holds braces. */
extern const struct tg_option_grammar tg_grammar_event_value; /* or else an event name */
extern const struct tg_option_grammar tg_grammar_id_value;
extern const struct tg_option_grammar tg_grammar_data_value; /* or "" */

/* In grammar_compiled.c: what must compile. */
extern const struct tg_option_grammar tg_grammar_jq;
extern const struct tg_option_grammar tg_grammar_regex;
extern const struct tg_option_grammar
    tg_grammar_regex_of_all; /* also with what makes it match a whole text */

#endif
