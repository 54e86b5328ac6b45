/* The request of the opening handshake, RFC 6455 section 4.1. */
#include "handshake.h"

static enum tg_err append_header(struct tg_buffer *out, const char *name, const char *value)
{
    return tg_buffer_appendf(out, "%s: %s\r\n", name, value);
}

static enum tg_err append_base64_header(struct tg_buffer *out, const char *start, const void *bytes,
                                        size_t length)
{
    enum tg_err err = tg_buffer_append_str(out, start);

    if (err == TG_OK)
        err = tg_base64_encode(out, bytes, length);
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "\r\n");
    return err;
}

static enum tg_err append_basic(struct tg_buffer *out, const char *user, const char *password)
{
    struct tg_buffer plain = { 0 };
    enum tg_err err = tg_buffer_appendf(&plain, "%s:%s", user, password ? password : "");

    if (err == TG_OK)
        err = append_base64_header(out, "Authorization: Basic ", plain.data, plain.length);
    tg_buffer_deinit(&plain);
    return err;
}

static enum tg_err append_subprotocols(struct tg_buffer *out, char *const *words)
{
    enum tg_err err = TG_OK;

    if (!words || !words[0])
        return TG_OK;
    for (size_t i = 0; words[i] && err == TG_OK; i++)
        err = tg_buffer_appendf(out, "%s%s", i ? ", " : "Sec-WebSocket-Protocol: ", words[i]);
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "\r\n");
    return err;
}

static enum tg_err append_secrets(struct tg_buffer *out, const struct tg_config_upstream *config)
{
    enum tg_err err = TG_OK;

    for (const struct tg_config_header *h = config->headers; h && h->name && err == TG_OK; h++)
        err = append_header(out, h->name, h->value);
    if (config->basic_user && err == TG_OK)
        err = append_basic(out, config->basic_user, config->basic_password);
    if (config->bearer && err == TG_OK)
        err = tg_buffer_appendf(out, "Authorization: Bearer %s\r\n", config->bearer);
    return err;
}

enum tg_err tg_handshake_write(struct tg_buffer *out, const struct tg_handshake_request *request)
{
    const struct tg_config_upstream *config = request->config;
    char host[TG_TARGET_HOST_MAX + 10];
    enum tg_err err;

    tg_target_write_host(request->target, host, sizeof(host));
    err = tg_buffer_appendf(out,
                            "GET %s HTTP/1.1\r\n"
                            "Host: %s\r\n"
                            "Upgrade: websocket\r\n"
                            "Connection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\n",
                            request->target->path, host);
    if (err == TG_OK)
        err = append_base64_header(out, "Sec-WebSocket-Key: ", request->nonce, TG_HANDSHAKE_NONCE_BYTES);
    if (err == TG_OK)
        err = append_subprotocols(out, config->subprotocols);
    if (config->origin && err == TG_OK)
        err = append_header(out, "Origin", config->origin);
    if (!request->is_foreign && err == TG_OK)
        err = append_secrets(out, config);
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "\r\n");
    return err;
}
