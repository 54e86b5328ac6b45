/* Sessions: members whose key is a secret token, which is also the epoch of their ids. Only who has got an event of
 * the session knows it, and only who shows the same identity may use it. */
#include "family.h"

#include <openssl/crypto.h>
#include <string.h>

struct token {
    char digits[TOKEN_LENGTH + 1];
};

static struct token make_token(void)
{
    unsigned char random[TOKEN_LENGTH / 2];
    struct token token = { { 0 } };

    tg_random_bytes(random, sizeof random);
    for (size_t i = 0; i < TOKEN_LENGTH; i++)
        token.digits[i] = "0123456789abcdef"[random[i / 2] >> (i % 2 ? 0 : 4) & 15];
    return token;
}

static bool find_token(struct tg_str event_id, struct tg_str *ret_token)
{
    if (event_id.length <= TOKEN_LENGTH || event_id.data[TOKEN_LENGTH] != '-')
        return false;
    *ret_token = (struct tg_str){ event_id.data, TOKEN_LENGTH };
    return true;
}

static void set_identity(struct family_member *member, const unsigned char *identity)
{
    member->has_identity = identity != NULL;
    if (identity)
        memcpy(member->identity, identity, IDENTITY_LENGTH);
}

static void set_values(struct family_member *member, const struct tg_opening *opening)
{
    size_t length = 0;
    char *at;

    for (size_t i = 0; i < opening->parameter_count; i++)
        length += opening->parameters[i].value.length + 1;
    member->value_count = opening->parameter_count;
    at = member->values = length ? tg_alloc(length) : NULL;
    for (size_t i = 0; i < opening->parameter_count; i++) {
        struct tg_str value = opening->parameters[i].value;
        if (value.length)
            memcpy(at, value.data, value.length);
        at += value.length + 1;
    }
}

/* Takes as long for a session that is not there as for one that is somebody else's. */
static bool is_of(const struct family_member *member, const unsigned char *identity)
{
    static const struct family_member nobody;
    const struct family_member *owner = member ? member : &nobody;
    const unsigned char *shown = identity ? identity : nobody.identity;
    int difference = CRYPTO_memcmp(owner->identity, shown, IDENTITY_LENGTH);

    return (difference == 0) & (owner->has_identity == (identity != NULL)) & (member != NULL);
}

enum tg_err tg_family_open_session(struct tg_family *family, const unsigned char *identity,
                                   const struct tg_opening *opening, struct tg_stream **ret_stream)
{
    struct token token = make_token();
    struct family_member *member;
    enum tg_err err;

    pthread_mutex_lock(&family->lock);
    err = family_add(family, (struct tg_str){ token.digits, TOKEN_LENGTH }, token.digits, &member);
    if (err == TG_OK) {
        set_identity(member, identity);
        set_values(member, opening);
        family_hold(member);
    }
    pthread_mutex_unlock(&family->lock);
    return err == TG_OK ? family_enter(member, true, opening, ret_stream) : err;
}

enum tg_err tg_family_resume(struct tg_family *family, struct tg_str event_id, const unsigned char *identity,
                             struct tg_stream **ret_stream)
{
    struct family_member *member;
    struct tg_str token;
    bool is_theirs;

    if (!find_token(event_id, &token))
        return TG_ERR_NOT_FOUND;
    pthread_mutex_lock(&family->lock);
    member = family_find(family, token);
    is_theirs = is_of(member, identity);
    if (is_theirs)
        family_hold(member);
    pthread_mutex_unlock(&family->lock);
    return is_theirs ? family_enter(member, false, NULL, ret_stream) : TG_ERR_NOT_FOUND;
}

void tg_family_renew(struct tg_family *family, struct tg_stream *session, const struct tg_opening *opening)
{
    if (family->options.hooks.renew)
        family->options.hooks.renew(family->options.hooks.arg, session, opening);
}

bool tg_family_session_has(const struct tg_stream *session, const struct tg_str *values)
{
    /* Not under a lock: they do not change, and who holds the member keeps it there. */
    const struct family_member *member = session->member;
    const char *at = member->values;

    for (size_t i = 0; i < member->value_count; i++) {
        struct tg_str value = tg_str_from(at);
        if (values[i].length && !tg_str_equals(values[i], value))
            return false;
        at += value.length + 1;
    }
    return true;
}
