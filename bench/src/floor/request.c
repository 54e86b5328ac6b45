/* Requests and answers; see request.h. */
#include "request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DATE_SIZE = 32, HEAD_SIZE = 512 };

/* The header's value, where the line begins with its name. */
static const char *value_in(const char *line, const char *line_end, const char *name, size_t *ret_length)
{
    size_t name_length = strlen(name);
    if ((size_t)(line_end - line) <= name_length || strncasecmp(line, name, name_length) != 0)
        return NULL;
    line += name_length;
    while (line < line_end && *line == ' ')
        line++;
    while (line_end > line && line_end[-1] == ' ')
        line_end--;
    *ret_length = (size_t)(line_end - line);
    return line;
}

bool floor_request_parse(const char *bytes, size_t length, struct floor_request *ret_request)
{
    static const char get[] = "GET /", not_found[] = "GET /404 ";
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end)
        return false;
    *ret_request = (struct floor_request){ 0 };
    ret_request->is_stream = length > strlen(not_found) && memcmp(bytes, get, strlen(get)) == 0 &&
                             memcmp(bytes, not_found, strlen(not_found)) != 0;

    const char *line = memmem(bytes, length, "\r\n", 2);
    line += 2;
    while (line < end && !ret_request->last_id) {
        const char *line_end = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        ret_request->last_id = value_in(line, line_end, "Last-Event-ID:", &ret_request->last_id_length);
        line = line_end + 2;
    }
    return true;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

static const char *date(void)
{
    static char text[DATE_SIZE];
    static time_t text_s;
    time_t now_s = time(NULL);
    if (now_s != text_s) {
        struct tm utc;
        gmtime_r(&now_s, &utc);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        text_s = now_s;
    }
    return text;
}

const char *floor_stream_head(size_t *ret_length)
{
    static char head[HEAD_SIZE];
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                          "Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\nDate: %s\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n"
                          "25\r\nretry: 2000\n:\nevent: tidegate.hello\n\n\r\n",
                          date());
    *ret_length = (size_t)length;
    return head;
}

const char *floor_not_found(size_t *ret_length)
{
    static char answer[HEAD_SIZE];
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 404 Not Found\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                          "Content-Length: 14\r\nCache-Control: no-store\r\n"
                          "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n404 Not Found\n",
                          date());
    *ret_length = (size_t)length;
    return answer;
}
