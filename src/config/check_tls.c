/* Checks of the PEM files of TLS: what would only fail when they are used is told here, at its place. */
#include "check.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

/* A key with a passphrase must not make the process ask on the terminal. */
static int on_passphrase(char *bytes, int size, int is_writing, void *arg)
{
    (void)bytes, (void)size, (void)is_writing, (void)arg;
    return -1;
}

/* The first error is the one that explains, unless all it says is that there is no PEM, which differs from version to
 * version. */
static const char *find_reason(void)
{
    unsigned long code = ERR_peek_error();
    int library = ERR_GET_LIB(code);
    return code && (library == ERR_LIB_SSL || library == ERR_LIB_X509) ? ERR_reason_error_string(code) : NULL;
}

static void report(struct tg_document *document, const struct tg_path *tls, const char *key,
                   const char *expected)
{
    struct tg_path path = TG_PATH_KEY(tls, key);
    const char *why = find_reason();
    tg_document_error(document, &path, "expected %s%s%s", expected, why ? ": " : "", why ? why : "");
    ERR_clear_error();
}

/* A pipe can be read only once, and that is not for us. */
static bool is_given(const struct tg_document *document, const struct tg_path *tls, const char *key,
                     const char *file)
{
    struct tg_path path = TG_PATH_KEY(tls, key);
    struct stat status;
    return file && !tg_document_has_error(document, &path) && stat(file, &status) == 0 &&
           S_ISREG(status.st_mode);
}

static void check_files(struct tg_document *document, const struct tg_path *tls, SSL_CTX *context,
                        const char *certificate, const char *key)
{
    bool has_key = is_given(document, tls, "key", key);
    if (is_given(document, tls, "certificate", certificate) &&
        SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
        report(document, tls, "certificate", "a PEM file with a certificate");
        return;
    }
    if (has_key && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        report(document, tls, "key", "a PEM file with the certificate's key, without a passphrase");
}

void tg_config_check_tls_files(struct tg_document *document, const struct tg_path *tls,
                               const char *certificate, const char *key, const char *ca)
{
    if (document->ignores_files || (!certificate && !key && !ca))
        return;
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (!context)
        return;
    SSL_CTX_set_default_passwd_cb(context, on_passphrase);
    if (is_given(document, tls, "ca", ca) && SSL_CTX_load_verify_file(context, ca) != 1) {
        ERR_clear_error(); /* it says the same */
        report(document, tls, "ca", "a PEM file with certificates");
    }
    check_files(document, tls, context, certificate, key);
    SSL_CTX_free(context);
    ERR_clear_error();
}
