/* The forms of strings: what they are called in messages, their pattern in the schema, their check. */
#include "grammar.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

static bool has_control(const char *text)
{
    return tg_str_has_control(tg_str_from(text));
}

/* No request has them in its path. */
static bool has_dot_segment(const char *text)
{
    return tg_str_has_dot_segment(tg_str_from(text));
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_of(const char *text, const char *others)
{
    for (; *text; text++) {
        if (!is_letter_or_digit(*text) && !strchr(others, *text))
            return false;
    }
    return true;
}

static bool is_ip_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

const struct tg_option_grammar tg_grammar_ip_address = {
    .expected = "an IP address such as \"0.0.0.0\" or \"::\"",
    .pattern = "^[0-9A-Fa-f.:]+$",
    .is_valid = is_ip_address,
};

static bool is_socket_path(const char *text)
{
    struct sockaddr_un address;
    return *text && strlen(text) < sizeof(address.sun_path);
}

const struct tg_option_grammar tg_grammar_socket_path = {
    .expected = "a path of 1 to 107 bytes",
    .pattern = "^.{1,107}$",
    .is_valid = is_socket_path,
};

static bool is_not_empty(const char *text)
{
    return *text != '\0';
}

const struct tg_option_grammar tg_grammar_file_name = {
    .expected = "the name of a file",
    .pattern = "^.",
    .is_valid = is_not_empty,
};

static bool is_query_name(const char *text)
{
    return *text && is_of(text, "-_.~");
}

const struct tg_option_grammar tg_grammar_query_name = {
    .expected = "a query name of letters, digits, \"-\", \"_\", \".\" and \"~\"",
    .pattern = "^[A-Za-z0-9_.~-]+$",
    .is_valid = is_query_name,
};

static bool is_query_name_or_all(const char *text)
{
    return strcmp(text, "*") == 0 || is_query_name(text);
}

const struct tg_option_grammar tg_grammar_query_name_or_all = {
    .expected = "\"*\", or a query name of letters, digits, \"-\", \"_\", \".\" and \"~\"",
    .pattern = "^(\\*|[A-Za-z0-9_.~-]+)$",
    .is_valid = is_query_name_or_all,
};

static bool is_event_name(const char *text)
{
    return *text && !strpbrk(text, "\r\n");
}

const struct tg_option_grammar tg_grammar_event_name = {
    .expected = "an event type: one line, not empty",
    .pattern = "^[^\\r\\n]+$",
    .is_valid = is_event_name,
};

enum { SHOWN_BYTES = 64 };

/* What a name, or a path of names as other tools write it, is as a pointer: "seq" and "$.a.b[0]" are "/seq" and "/a/b/0". */
static void append_meant_pointer(const char *text, struct tg_buffer *out)
{
    const char *at = text + (*text == '$');
    at += *at == '.';
    if (!*at || strlen(text) > SHOWN_BYTES || !(is_letter_or_digit(*at) || *at == '_' || *at == '@') ||
        !is_of(at, "_-@.[]/"))
        return;
    bool is_path = *text == '$' || *text == '.';
    tg_buffer_append_str(out, "; did you mean \"/");
    for (; *at; at++) {
        bool is_step = *at == '[' || (is_path && *at == '.');
        if (*at != ']')
            tg_buffer_append(out, is_step ? "/" : at, 1);
    }
    tg_buffer_append_str(out, "\"?");
}

void tg_grammar_explain_pointer(const char *text, const char *expected, struct tg_buffer *out)
{
    tg_buffer_append_str(out, expected);
    append_meant_pointer(text, out);
}

/* RFC 6901: "~" only as "~0" and "~1". */
static bool is_pointer(const char *text)
{
    if (*text != '/')
        return false;
    for (; *text; text++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1')
            return false;
    }
    return true;
}

static bool has_index_in_brackets(const char *text)
{
    for (const char *at = text; (at = strchr(at, '[')); at++) {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits > 0 && at[1 + digits] == ']')
            return true;
    }
    return false;
}

/* Forms that are valid and find what hardly any message has: a member with an empty name, "items[0]", "$". */
void tg_grammar_suspect_pointer(const char *text, struct tg_buffer *out)
{
    if (*text != '/')
        return;
    if (strncmp(text, "/$.", 3) == 0 || strncmp(text, "/$/", 3) == 0 || strcmp(text, "/$") == 0)
        tg_buffer_append_str(out, "\"$\" is the name of a member here, not the whole message");
    else if (has_index_in_brackets(text))
        tg_buffer_append_str(out,
                             "the brackets are part of a name here; an item of an array is \"/items/0\"");
    else if (strcmp(text, "/") == 0)
        tg_buffer_append_str(out, "this finds the member whose name is empty, not the whole message");
    else if (strstr(text, "//") || text[strlen(text) - 1] == '/')
        tg_buffer_append_str(out, "this finds a member whose name is empty: one \"/\" too many?");
}

static void explain_pointer(const char *text, struct tg_buffer *out)
{
    tg_grammar_explain_pointer(text, tg_grammar_pointer.expected, out);
}

const struct tg_option_grammar tg_grammar_pointer = {
    .expected = "a JSON pointer such as \"/payload\", in which \"~\" is written \"~0\" and \"/\" \"~1\"",
    .pattern = "^(/([^~]|~[01])*)$",
    .is_valid = is_pointer,
    .explain = explain_pointer,
    .suspect = tg_grammar_suspect_pointer,
};

static bool is_pointer_or_all(const char *text)
{
    return *text == '\0' || is_pointer(text);
}

static void explain_pointer_or_all(const char *text, struct tg_buffer *out)
{
    tg_grammar_explain_pointer(text, tg_grammar_pointer_or_all.expected, out);
}

const struct tg_option_grammar tg_grammar_pointer_or_all = {
    .expected =
        "\"\", or a JSON pointer such as \"/payload\", in which \"~\" is written \"~0\" and \"/\" \"~1\"",
    .pattern = "^(/([^~]|~[01])*)?$",
    .is_valid = is_pointer_or_all,
    .explain = explain_pointer_or_all,
    .suspect = tg_grammar_suspect_pointer,
};

static bool is_stream_name(const char *text)
{
    return *text && strlen(text) <= 64 && is_of(text, "_.-");
}

const struct tg_option_grammar tg_grammar_stream_name = {
    .expected = "a name of 1 to 64 letters, digits, \"_\", \".\" and \"-\"",
    .pattern = "^[A-Za-z0-9_.-]{1,64}$",
    .is_valid = is_stream_name,
};

/* Requests are compared when they have been percent-decoded. */
static bool has_escape(const char *text)
{
    for (; (text = strchr(text, '%')); text++) {
        if (tg_hex_value(text[1]) >= 0 && tg_hex_value(text[2]) >= 0)
            return true;
    }
    return false;
}

static bool is_route_path(const char *text)
{
    if (*text != '/' || has_control(text) || strpbrk(text, "?# ") || has_escape(text) ||
        has_dot_segment(text))
        return false;
    const char *star = strchr(text, '*');
    return !star || star[1] == '\0';
}

static void explain_route_path(const char *text, struct tg_buffer *out)
{
    if (has_escape(text))
        tg_buffer_append_str(out, "a path that is not percent-encoded: \"é\", not \"%C3%A9\"");
    else if (has_dot_segment(text))
        tg_buffer_append_str(out, "a path without the segments \".\" and \"..\"");
    else
        tg_buffer_append_str(out, tg_grammar_route_path.expected);
}

const struct tg_option_grammar tg_grammar_route_path = {
    .expected = "a path that begins with \"/\", has no \"?\", \"#\" and spaces, and \"*\" at its end only",
    .pattern = "^/[^?#*\\s]*\\*?$",
    .is_valid = is_route_path,
    .explain = explain_route_path,
};

static bool is_parameter_name(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= 32 && *text >= 'a' && *text <= 'z' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

const struct tg_option_grammar tg_grammar_parameter_name = {
    .expected = "a name of 1 to 32 small letters, digits and \"_\" that begins with a letter",
    .pattern = "^[a-z][a-z0-9_]{0,31}$",
    .is_valid = is_parameter_name,
};

static bool is_parameter_value(const char *text)
{
    return *text && !has_control(text) && !has_dot_segment(text);
}

const struct tg_option_grammar tg_grammar_parameter_value = {
    .expected = "a value without control characters, not empty, and not \".\" or \"..\"",
    .pattern = "^[^\\r\\n]+$",
    .is_valid = is_parameter_value,
};

static bool is_token(const char *text)
{
    return *text && is_of(text, "!#$%&'*+-.^_`|~");
}

const struct tg_option_grammar tg_grammar_token = {
    .expected = "a token of letters, digits and !#$%&'*+-.^_`|~",
    .pattern = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    .is_valid = is_token,
};

static bool is_media_range(const char *text)
{
    size_t type = strcspn(text, "/");
    return type > 0 && text[type] && is_of(text, "/!#$%&'*+-.^_`|~") && text[type + 1] &&
           !strchr(text + type + 1, '/') && (*text != '*' || strcmp(text, "*/*") == 0);
}

const struct tg_option_grammar tg_grammar_media_range = {
    .expected = "a media type such as \"text/plain\" without parameters, or \"text/*\" or \"*/*\"",
    .pattern = "^(\\*/\\*|[A-Za-z0-9!#$%&'+.^_`|~-][A-Za-z0-9!#$%&'*+.^_`|~-]*/[A-Za-z0-9!#$%&'*+.^_`|~-]+)$",
    .is_valid = is_media_range,
};

static bool is_header_value(const char *text)
{
    for (; *text; text++) {
        if (*text != '\t' && ((unsigned char)*text < 0x20 || *text == 0x7f))
            return false;
    }
    return true;
}

const struct tg_option_grammar tg_grammar_header_value = {
    .expected = "a header value: one line without control characters",
    .pattern = "^[^\\r\\n]*$",
    .is_valid = is_header_value,
};

static bool is_header_content(const char *text)
{
    return *text && is_header_value(text);
}

const struct tg_option_grammar tg_grammar_header_content = {
    .expected = "a header value: one line without control characters, not empty",
    .pattern = "^[^\\r\\n]+$",
    .is_valid = is_header_content,
};

static bool is_basic_user(const char *text)
{
    return !has_control(text) && !strchr(text, ':');
}

const struct tg_option_grammar tg_grammar_basic_user = {
    .expected = "a user name without \":\" and control characters",
    .pattern = "^[^:\\r\\n]*$",
    .is_valid = is_basic_user,
};

static bool has_no_control(const char *text)
{
    return !has_control(text);
}

const struct tg_option_grammar tg_grammar_basic_password = {
    .expected = "a password without control characters",
    .pattern = "^[^\\r\\n]*$",
    .is_valid = has_no_control,
};

/* What browsers send in `Origin`: no path, so no slash at the end either. */
static bool is_cors_origin(const char *text)
{
    if (strcmp(text, "*") == 0 || strcmp(text, "null") == 0)
        return true;
    const char *host = strstr(text, "://");
    return host && host > text && host[3] && !strpbrk(host + 3, "/?#*,@ ") && !has_control(text);
}

const struct tg_option_grammar tg_grammar_cors_origin = {
    .expected = "\"*\", or an origin without a path such as \"https://app.example.com\"",
    .pattern = "^(\\*|null|[^/?#\\s]+://[^/?#*,@\\s]+)$",
    .is_valid = is_cors_origin,
};

static bool is_host_name(const char *text)
{
    return *text && strlen(text) <= 253 && is_of(text, "-._:");
}

const struct tg_option_grammar tg_grammar_host_name = {
    .expected = "a host name",
    .pattern = "^[A-Za-z0-9._:-]{1,253}$",
    .is_valid = is_host_name,
};
